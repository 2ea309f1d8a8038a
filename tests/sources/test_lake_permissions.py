"""Lake Formation's grants to the run's role, and the calls that it was refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from pipetriage.context.redact import Redactor
from pipetriage.context.surroundings import read_denials, read_grants
from pipetriage.errors import SourceError
from pipetriage.sources import lake_permissions
from pipetriage.sources.lake_permissions import GLUE_SESSION, denied_calls, effective_permissions
from tests.emulated.account import EmulatedAccount

ROLE = "arn:aws:iam::111122223333:role/service-role/GlueJobRole"
CALLER = "arn:aws:sts::111122223333:assumed-role/GlueJobRole/GlueJobRunnerSession"
STARTED = datetime(2026, 10, 12, 2, 0, tzinfo=UTC)
ENDED = STARTED + timedelta(hours=1)


def _grant(principal: str, *permissions: str) -> dict[str, Any]:
    resource = {"Table": {"DatabaseName": "sales", "Name": "orders"}}
    return {
        "Principal": {"DataLakePrincipalIdentifier": principal},
        "Resource": resource,
        "Permissions": list(permissions),
    }


def _event(minute: int, code: str | None = "AccessDenied", caller: str = CALLER, **more: Any) -> dict[str, Any]:
    at = STARTED + timedelta(minutes=minute)
    record: dict[str, Any] = {
        "eventName": "GetTable",
        "eventSource": "glue.amazonaws.com",
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }
    record |= {"userIdentity": {"type": "AssumedRole", "arn": caller}} | ({"errorCode": code} if code else {})
    event = {"EventId": f"e{minute}", "EventName": "GetTable", "EventTime": at, "Username": GLUE_SESSION}
    return event | {"CloudTrailEvent": json.dumps(record)} | more


def _no_pause(_: float) -> None:
    pass


# Grants


def test_grants_on_a_location_are_those_of_the_role_and_of_everybody(account: EmulatedAccount) -> None:
    others = [_grant("arn:aws:iam::111122223333:role/Analyst", "SELECT"), _grant("arn:aws:iam::1:role/GlueJobRole")]
    own = [_grant(ROLE, "DESCRIBE"), _grant("IAM_ALLOWED_PRINCIPALS", "ALL")]
    everyone = _grant("111122223333:IAMPrincipals", "DESCRIBE")
    account.put_path_permissions("arn:aws:s3:::lake/sales/orders", [*others, *own, everyone])
    answer = effective_permissions(account.session(), "s3://lake/sales/orders/", ROLE)
    assert answer.complete
    assert [one["Permissions"] for one in answer.payload["PrincipalResourcePermissions"]] == [
        *(["DESCRIBE"], ["ALL"], ["DESCRIBE"])
    ]
    grants = read_grants(msgspec.json.decode(msgspec.json.encode(answer.payload)), Redactor())
    assert grants[0].permissions == ("DESCRIBE",)
    assert account.door.calls == ["lakeformation:GetEffectivePermissionsForPath"]


def test_grants_on_a_table(account: EmulatedAccount) -> None:
    resource = {"Table": {"DatabaseName": "sales", "Name": "orders"}}
    for principal in (ROLE, "arn:aws:iam::111122223333:role/Analyst"):
        account.admin("lakeformation").grant_permissions(
            Principal={"DataLakePrincipalIdentifier": principal}, Resource=resource, Permissions=["SELECT"]
        )
    answer = effective_permissions(account.session(), "glue_catalog.sales.orders", ROLE)
    principals = [one["Principal"] for one in answer.payload["PrincipalResourcePermissions"]]
    assert principals == [{"DataLakePrincipalIdentifier": ROLE}]
    by_name = effective_permissions(account.session(), "sales.orders", "GlueJobRole")
    assert by_name.payload == answer.payload


def test_no_grant_is_an_answer(account: EmulatedAccount) -> None:
    answer = effective_permissions(account.session(), "s3://lake/x", ROLE)
    assert answer.payload == {"PrincipalResourcePermissions": []}


def test_grants_that_cannot_be_asked_for(account: EmulatedAccount) -> None:
    aws = account.session()
    for place in ("hdfs://lake/x", "orders", "s3://"):
        with pytest.raises(SourceError):
            effective_permissions(aws, place, ROLE)
    account.refuse("lakeformation:ListPermissions")
    with pytest.raises(SourceError, match="lakeformation:ListPermissions is not allowed"):
        effective_permissions(aws, "sales.orders", ROLE)


# Refusals


def test_only_what_this_role_was_refused(account: EmulatedAccount) -> None:
    account.put_trail_event(_event(10))
    account.put_trail_event(_event(11, None))
    account.put_trail_event(_event(12, "EntityNotFoundException"))
    account.put_trail_event(_event(13, caller=CALLER.replace("GlueJobRole", "OtherRole")))
    account.put_trail_event(_event(14, caller=CALLER.replace("111122223333", "999999999999")))
    account.put_trail_event(_event(15, Username="alice"))
    account.put_trail_event(_event(16, CloudTrailEvent="{"))
    account.put_trail_event(_event(17, CloudTrailEvent='{"errorCode": "AccessDenied", "userIdentity": "x"}'))
    account.put_trail_event(_event(18, "Client.UnauthorizedOperation"))
    account.put_trail_event(_event(90))
    answer = denied_calls(account.session(), ROLE, STARTED, ENDED)
    assert [one["EventId"] for one in answer.payload["Events"]] == ["e18", "e10"]
    assert answer.complete
    denials = read_denials(msgspec.json.decode(msgspec.json.encode(answer.payload)), Redactor())
    assert [(one.event_name, one.error_code) for one in denials] == [
        ("GetTable", "Client.UnauthorizedOperation"),
        ("GetTable", "AccessDenied"),
    ]
    assert denials[1].at == STARTED + timedelta(minutes=10)


def test_a_role_by_its_bare_name(account: EmulatedAccount) -> None:
    account.put_trail_event(_event(10))
    for role in ("GlueJobRole", "service-role/GlueJobRole", ROLE):
        assert len(denied_calls(account.session(), role, STARTED, ENDED).payload["Events"]) == 1
    assert not denied_calls(account.session(), "Glue", STARTED, ENDED).payload["Events"]
    for role in ("", "no role", "arn:aws:iam::1:user/x"):
        with pytest.raises(SourceError, match="role"):
            denied_calls(account.session(), role, STARTED, ENDED)


def test_pages_are_asked_for_slowly_and_not_for_ever(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(51):
        account.put_trail_event(_event(30, None, EventId=f"n{number}"))
    account.put_trail_event(_event(10))
    paused: list[float] = []
    answer = denied_calls(account.session(), ROLE, STARTED, ENDED, pause=paused.append)
    assert [one["EventId"] for one in answer.payload["Events"]] == ["e10"]
    assert (answer.complete, paused) == (True, [0.5])
    monkeypatch.setattr(lake_permissions, "MAX_TRAIL_PAGES", 1)
    answer = denied_calls(account.session(), ROLE, STARTED, ENDED, pause=_no_pause)
    assert (answer.payload["Events"], answer.complete) == ([], False)


def test_a_job_that_was_refused_all_the_time(account: EmulatedAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_permissions, "MAX_DENIED", 20)
    for number in range(60):
        account.put_trail_event(_event(number, EventId=f"d{number}"))
    answer = denied_calls(account.session(), ROLE, STARTED, ENDED, pause=_no_pause)
    assert (len(answer.payload["Events"]), answer.complete) == (20, False)
    assert account.door.calls == ["cloudtrail:LookupEvents"]


def test_a_trail_that_may_not_be_read(account: EmulatedAccount) -> None:
    account.refuse("cloudtrail:LookupEvents")
    with pytest.raises(SourceError, match="cloudtrail:LookupEvents is not allowed"):
        denied_calls(account.session(), ROLE, STARTED, ENDED)
