"""Who is told, by which rule, and that no rule keeps an incident from who has to see it."""

from typing import Any

import pytest

from pipetriage.errors import ConfigError
from pipetriage.model.categories import FailureMode
from pipetriage.model.incident import Route
from pipetriage.model.message import Severity
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.write_state import Exposure, ExposureStatus, WriteStatus
from pipetriage.notifiers.routing import Target, by_declared_rules, check, severity_of, targets
from pipetriage.settings.routing import QuietHours, RoutingRule, RoutingSettings
from tests.notifiers.incidents import MakeIncident

PIPELINE = Pipeline(name="orders_daily", owners={"platform": "sre", "default": "sales-data"})
READ = Exposure(
    consumer="revenue_report",
    owner="bi-team",
    status=ExposureStatus.CONFIRMED,
    read_at=None,
    snapshot_id="1",
    via="",
    depth=1,
)


def routing(*rules: RoutingRule, **settings: Any) -> RoutingSettings:
    return RoutingSettings(rules=list(rules), **settings)


def test_without_rules_the_verdicts_own_route_stands(make_incident: MakeIncident) -> None:
    incident = make_incident()
    assert by_declared_rules(incident, PIPELINE, routing()) == incident.route


def test_the_first_rule_that_fits_decides_and_is_named(make_incident: MakeIncident) -> None:
    rules = routing(
        RoutingRule(name="finance", pipelines=["finance_*"], queue="finance"),
        RoutingRule(categories=["SCHEMA_DRIFT"], pipelines=["orders_*"], queue="platform team"),
        RoutingRule(queue="everything else"),
    )
    route = by_declared_rules(make_incident(), PIPELINE, rules)
    assert (route.queue, route.owner) == ("platform team", "sre")
    assert route.reason.startswith("rule 2 of the settings")
    assert by_declared_rules(make_incident(pipeline_name="stock"), PIPELINE, rules).queue == "everything else"
    assert by_declared_rules(make_incident(pipeline_name="finance_eu"), PIPELINE, rules).reason.startswith(
        "rule finance "
    )


@pytest.mark.parametrize(
    ("rule", "fits", "fits_not"),
    [
        ({"categories": ["UNKNOWN/TRANSIENT_SERVICE"]}, {"failure_mode": FailureMode.TRANSIENT_SERVICE}, {}),
        ({"states": ["UNCERTAIN"]}, {"tables": {"a": WriteStatus.COMPLETE, "b": WriteStatus.UNCERTAIN}}, {}),
        ({"below_confidence": 0.5}, {"confidence": 0.49}, {"confidence": 0.5}),
        ({"safe": True}, {"safe_to_retry": True}, {}),
        ({"exposed": True}, {"exposure": [READ]}, {"exposure": []}),
        ({"exposed": False}, {}, {"exposure": [READ]}),
        ({"pipelines": ["Orders_*"]}, {"pipeline_name": "Orders_x"}, {}),
    ],
)
def test_each_condition(make_incident: MakeIncident, rule: Any, fits: Any, fits_not: Any) -> None:
    rules = routing(RoutingRule(queue="there", **rule))
    assert by_declared_rules(make_incident(**fits), PIPELINE, rules).queue == "there"
    assert by_declared_rules(make_incident(**fits_not), PIPELINE, rules).queue != "there"


def test_no_rule_keeps_it_from_the_manual_review_queue(make_incident: MakeIncident) -> None:
    away = routing(RoutingRule(queue="nobody"))
    risk = make_incident(route=Route(queue="manual review queue", owner=None, reason="risk", also=["bi-team"]))
    also = make_incident(route=Route(queue="platform team", owner=None, reason="x", also=["manual review queue"]))
    assert by_declared_rules(risk, PIPELINE, away).also == ["manual review queue", "bi-team"]
    assert by_declared_rules(also, PIPELINE, away).also == ["manual review queue"]


def test_the_channels_of_queue_owner_and_who_else_is_to_know(make_incident: MakeIncident) -> None:
    settings = routing(
        queues={"data contract owner": ["contracts"], "manual review": ["review"]},
        owners={"bi-team": ["bi", "contracts"], "sales-data": ["sales"]},
        default=["ops"],
    )
    route = Route(
        queue="data-contract owner", owner="sales-data", reason="drift", also=["manual review queue", "bi-team"]
    )
    told = targets(make_incident(route=route, exposure=[READ]), settings)
    assert told == [
        Target("contracts", "drift"),
        Target("sales", "drift"),
        Target("review", "the manual review queue is to know, too"),
        Target("bi", "revenue_report read what the batch left, and bi-team answers for it"),
    ]


def test_what_nobody_is_named_for_goes_by_default(make_incident: MakeIncident) -> None:
    assert [one.channel for one in targets(make_incident(), routing(default=["ops"]))] == ["ops"]
    assert targets(make_incident(), routing()) == []


def test_a_rules_own_channels_go_before_the_queues(make_incident: MakeIncident) -> None:
    queues = {"data-contract owner": ["contracts"]}
    chosen = targets(make_incident(), routing(RoutingRule(channels=["pager"]), queues=queues))
    assert chosen == [Target("pager", "rule 1 of the settings")]
    assert targets(make_incident(), routing(RoutingRule(channels=[]), queues=queues)) == []


def test_severity_is_of_what_was_left_and_read_unless_declared(make_incident: MakeIncident) -> None:
    assert severity_of(make_incident(), routing()) is Severity.ERROR
    assert severity_of(make_incident(exposure=[READ]), routing()) is Severity.CRITICAL
    whole = {"a": WriteStatus.COMPLETE}
    assert severity_of(make_incident(exposure=[READ], tables=whole), routing()) is Severity.ERROR
    assert severity_of(make_incident(safe_to_retry=True, tables=whole), routing()) is Severity.WARNING
    assert severity_of(make_incident(exposure=[READ]), routing(RoutingRule(severity="info"))) is Severity.INFO


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (routing(default=["ops", "nope"]), "nope"),
        (routing(RoutingRule(channels=["nope"])), "nope"),
        (routing(owners={"bi": ["nope"]}), "nope"),
        (routing(RoutingRule(categories=["SCHEMA"])), "SCHEMA"),
        (routing(RoutingRule(categories=["UNKNOWN/NEW_COLUMN"])), "UNKNOWN/NEW_COLUMN"),
        (routing(RoutingRule(states=["partial"])), "partial"),
        (routing(quiet=QuietHours(start="22:00", end="07:00", timezone="Mars/Base")), "Mars/Base"),
    ],
)
def test_what_is_misspelled_is_named(settings: RoutingSettings, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        check(settings, ["ops"])


def test_what_is_right_is_taken() -> None:
    rule = RoutingRule(categories=["SCHEMA_DRIFT", "UNKNOWN/TRANSIENT_SERVICE"], states=["PARTIAL"], channels=["ops"])
    check(routing(rule, quiet=QuietHours(start="22:00", end="07:00", timezone="Europe/Berlin")), ["ops"])
    with pytest.raises(ConfigError, match="a name has"):
        check(routing(), ["two words"])
