"""A run read live from an emulated account: the same verdict as its bundle, and gaps where the account says no."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from pipetriage.bootstrap import App, open_app
from pipetriage.context.build import build_context
from pipetriage.context.further import further_evidence
from pipetriage.errors import CredentialsError, TargetError
from pipetriage.model.evidence import Evidence, Gap
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.proposal import EvidenceRequest, RequestKind
from pipetriage.settings import AwsSettings, ContextSettings, Settings
from pipetriage.sources.interface import ReadsOtherLogs
from pipetriage.sources.remembered import Remembered
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.bundle import Loaded, load_bundle

CASES = Path(__file__).parents[2] / "cases"
STARTERS = (
    *("access_denied_catalog_table", "cast_failure_bad_value", "conflicting_signals", "deployment_null_pointer"),
    "low_record_count",
    *("failure_after_staging_write", "missing_source_path", "new_column", "shuffle_spill_long_task"),
    *("throttled_before_write", "too_many_small_files"),
)
WITH_RULES = "aws_dq_after_write_01"


def app_for(account: EmulatedAccount, loaded: Loaded, **settings: object) -> App:
    declared = dict(loaded.manifest["pipeline"])
    if isinstance(declared.get("control"), dict):
        declared["control"] = {"location": "dynamodb", **declared["control"]}
    if "deployments.json" in loaded.documents:
        declared["deployments"] = loaded.documents["deployments.json"]
    pipeline = msgspec.convert(declared, Pipeline, strict=False)
    fields = {"region": REGION, "endpoint_url": account.url, **settings}
    return App(Settings(aws=msgspec.convert(fields, AwsSettings)), {pipeline.name: pipeline}, Path("/"), None)


def said(incident: Incident) -> tuple[object, ...]:
    states = [(one.table, one.role, one.status, len(one.commits)) for one in incident.write_state]
    return incident.failure_category, incident.failure_mode, incident.safe_to_retry, incident.rerun.decision, states


@pytest.mark.parametrize("case", STARTERS)
def test_a_live_run_has_the_verdict_of_its_bundle(case: str, account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / case)
    live = app_for(account, loaded).triage(loaded.target)
    assert said(live) == said(open_app(use_store=False).triage(str(CASES / case)))


def test_a_capture_of_a_live_run_agrees_with_it(account: EmulatedAccount, tmp_path: Path) -> None:
    loaded = load_bundle(account, CASES / "failure_after_staging_write")
    app = app_for(account, loaded)
    app.capture(loaded.target, tmp_path / "bundle")
    assert said(open_app(use_store=False).triage(str(tmp_path / "bundle"))) == said(app.triage(loaded.target))


def test_the_latest_run_and_a_bare_run_id_are_found(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "cast_failure_bad_value")
    app = app_for(account, loaded)
    job, run_id = loaded.target.removeprefix("glue:").split("/")
    assert app.triage(f"glue:{job}/latest").job_run_id == run_id
    assert app.triage(run_id).job_run_id == run_id


def test_an_undeclared_pipeline_still_triages(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "cast_failure_bad_value")
    app = App(Settings(aws=AwsSettings(region=REGION, endpoint_url=account.url)), {}, Path("/"), None)
    incident = app.triage(loaded.target)
    assert incident.failure_category == "SCHEMA_DRIFT"
    assert not incident.safe_to_retry


@pytest.mark.parametrize(
    ("call", "source"),
    [("glue:GetTable", "iceberg_metadata:"), ("glue:GetJob", "job"), ("s3:ListObjectsV2", "source_listing")],
)
def test_a_refused_call_is_a_gap_and_never_makes_it_safe(call: str, source: str, account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    account.refuse(call)
    incident = app_for(account, loaded).triage(loaded.target)
    assert any(gap.source.startswith(source) and "not allowed" in gap.reason for gap in incident.gaps)
    assert incident.failure_category == "UNKNOWN"
    assert not incident.safe_to_retry


def test_a_control_table_that_may_not_be_read_never_makes_it_safe(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    assert app_for(account, loaded).triage(loaded.target).safe_to_retry
    account.refuse("dynamodb:DescribeTable")
    incident = app_for(account, loaded).triage(loaded.target)
    assert any(gap.source == "control" and "not allowed" in gap.reason for gap in incident.gaps)
    assert not incident.safe_to_retry


@pytest.mark.parametrize(("case", "suspected"), [("access_denied_catalog_table", True), ("new_column", False)])
def test_permissions_are_asked_for_only_where_a_refusal_is_suspected(
    case: str, suspected: bool, account: EmulatedAccount
) -> None:
    loaded = load_bundle(account, CASES / case)
    account.door.calls.clear()
    app_for(account, loaded).triage(loaded.target)
    asked = {str(call) for call in account.door.calls} & {"lakeformation:ListPermissions", "cloudtrail:LookupEvents"}
    assert len(asked) == (2 if suspected else 0)


def test_what_the_data_quality_rules_said_is_read(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / WITH_RULES)
    live = app_for(account, loaded).triage(loaded.target)
    assert said(live) == said(open_app(use_store=False).triage(str(CASES / WITH_RULES)))
    assert any(one.source == "data_quality" for one in live.evidence)
    account.refuse("glue:ListDataQualityResults")
    assert any(gap.source == "data_quality" for gap in app_for(account, loaded).triage(loaded.target).gaps)


def test_an_event_log_larger_than_is_fetched_is_a_gap(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "aws_executor_lost_skewed_01")
    whole = app_for(account, loaded).triage(loaded.target)
    assert any(one.source == "spark_events" for one in whole.evidence)
    incident = app_for(account, loaded, event_log_bytes=1000).triage(loaded.target)
    [gap] = [gap for gap in incident.gaps if gap.source == "spark_events"]
    assert "more than [aws] event_log_bytes (1000)" in gap.reason
    assert not any(one.source == "spark_events" for one in incident.evidence)


def test_the_job_is_asked_once(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "new_column")
    account.door.calls.clear()
    app_for(account, loaded).triage(loaded.target)
    assert [str(call) for call in account.door.calls].count("glue:GetJob") == 1


def test_a_slow_account_gives_gaps_in_time(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "cast_failure_bad_value")
    app = app_for(account, loaded, deadline_seconds=0.2)
    account.door.latency = 0.15
    incident = app.triage(loaded.target)
    assert any("not answered within 0.2 s" in gap.reason for gap in incident.gaps)
    assert not incident.safe_to_retry


def test_sources_are_asked_at_the_same_time(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "failure_after_staging_write")
    app = app_for(account, loaded)
    app.triage(loaded.target)
    account.door.calls.clear()
    account.door.latency = 0.06
    incident = app.triage(loaded.target)
    one_after_the_other = len(account.door.calls) * 0.06
    assert incident.classifier.seconds < one_after_the_other * 0.75


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("glue:orders_daily/jr_nothing0", r"knows no run jr_nothing0 of job orders_daily"),
        ("glue:nobody/latest", r"no (?:run of )?job nobody|knows no job nobody"),
        ("jr_00000000000000", r"no job in eu-west-1 has a run"),
    ],
)
def test_a_run_that_is_not_there_is_said(target: str, complaint: str, account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "new_column")
    with pytest.raises(TargetError) as told:
        app_for(account, loaded).triage(target)
    assert re.search(complaint, str(told.value))


def test_expired_credentials_end_it_with_the_way_out(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "new_column")
    account.refuse("glue:GetJobRun", code="ExpiredTokenException")
    with pytest.raises(CredentialsError, match="aws sso login"):
        app_for(account, loaded).triage(loaded.target)


def test_nothing_is_written_to_the_account(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "failure_after_staging_write")
    account.door.calls.clear()
    app_for(account, loaded).triage(loaded.target)
    verbs = {call.split(":")[1] for call in map(str, account.door.calls)}
    assert verbs
    assert all(re.match(r"Get|List|Describe|Filter|Head|Lookup|Query", verb) for verb in verbs)


def test_who_read_the_partial_table_is_told_by_lineage(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "failure_after_staging_write")
    events = next(place for path, place in loaded.documents.items() if path.startswith("lineage/"))
    silent = app_for(account, loaded).triage(loaded.target)
    assert any(gap.source == "lineage" and "[aws] lineage" in gap.fix for gap in silent.gaps)
    told = app_for(account, loaded, lineage=events.rpartition("/")[0] + "/").triage(loaded.target)
    bundle = open_app(use_store=False).triage(str(CASES / "failure_after_staging_write"))
    assert [(one.consumer, one.status) for one in told.exposure] == [
        (one.consumer, one.status) for one in bundle.exposure
    ]
    assert told.exposure


def test_an_event_that_names_the_tables_place_alone_is_kept(account: EmulatedAccount) -> None:
    """A Glue table is its place in S3 to lineage, and a name only where the integration knows the catalog's ARN."""
    folder = CASES / "failure_after_staging_write"
    loaded = load_bundle(account, folder)
    stored = next(place for path, place in loaded.documents.items() if path.startswith("lineage/"))
    event = json.loads((folder / "lineage/events.jsonl").read_text().splitlines()[0])
    event["job"]["name"] = event["run"]["runId"] = "reader_by_place"
    for dataset in event["inputs"]:
        dataset["facets"].pop("symlinks", None)
    account.put_object(stored.replace("events.jsonl", "more.jsonl"), json.dumps(event).encode())
    told = app_for(account, loaded, lineage=stored.rpartition("/")[0] + "/").triage(loaded.target)
    assert "reader_by_place" in {one.consumer for one in told.exposure}


def test_a_model_s_requests_are_answered_from_the_account_read_only(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    app = app_for(account, loaded)
    collector = Remembered(app.collector(loaded.target))
    collected = collector.collect()
    context = build_context(collected, ContextSettings())
    good = context.facts.last_good
    assert good is not None
    assert good.started_at is not None
    at = int(good.started_at.timestamp() * 1000)
    said = [
        (at + 1, "INFO Loader: token=abcdefgh12345678 all is well"),
        *((at + 10 + number, f"INFO ordinary {number}") for number in range(5)),
    ]
    account.put_log_events("/aws-glue/jobs/error", f"{good.run_id}-driver", said)
    account.door.calls.clear()

    def ask(kind: RequestKind, about: str) -> Evidence | Gap:
        request = EvidenceRequest(kind=kind, about=about)
        return further_evidence(request, context, collected, collector.log_of, evidence_id="more-1")

    window = ask(RequestKind.LOG_WINDOW, "log-1")
    assert isinstance(window, Evidence)
    assert "CloudWatch Logs" in window.locator
    assert not account.door.calls
    answer = ask(RequestKind.PREVIOUS_GOOD_RUN, "log-1")
    assert isinstance(answer, Evidence)
    assert "all is well" in (answer.excerpt or "")
    assert "abcdefgh12345678" not in str(answer)
    verbs = {str(call).split(":")[1] for call in account.door.calls}
    assert verbs <= {"GetJobRun", "DescribeLogGroups", "DescribeLogStreams", "GetLogEvents"}
    account.refuse("logs:GetLogEvents")
    refused = ask(RequestKind.PREVIOUS_GOOD_RUN, "log-1")
    assert isinstance(refused, Gap)
    assert "not allowed" in refused.reason


def test_another_run_s_log_that_is_not_there_is_a_gap(account: EmulatedAccount) -> None:
    loaded = load_bundle(account, CASES / "throttled_before_write")
    collector = app_for(account, loaded).collector(loaded.target)
    collector.collect()
    assert isinstance(collector, ReadsOtherLogs)
    for run_id in ("jr_nothing0", "", "x" * 10_000, "jr_now\n; rm -rf /"):
        assert isinstance(collector.log_of(run_id), Gap)
