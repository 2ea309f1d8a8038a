"""Submitting over the API: each key once, bundles within bounds, and an answer for whatever goes wrong."""

import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pipetriage.entrypoints.web.api import submissions
from pipetriage.model.access import Scope
from pipetriage.model.incident import Incident
from tests.building_captures import delta_half_written
from tests.building_local import LocalPlatform, triage_bundle
from tests.entrypoints.web.asking import Service, make_token
from tests.evaluation.building import CASES

CASE = CASES / "failure_after_staging_write"
TARGET = "local:orders/latest"


@pytest.fixture
def platform(tmp_path: Path) -> LocalPlatform:
    return delta_half_written(tmp_path)


@pytest.fixture
def served(tmp_path: Path, platform: LocalPlatform) -> Iterator[Service]:
    service = Service(tmp_path, config=platform.config)
    with service.client:
        yield service


def tar(folder: Path) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        archive.add(folder, arcname=".")
    return written.getvalue()


def submit(served: Service, target: str = TARGET, key: str | None = None) -> Any:
    headers = {"idempotency-key": key} if key else {}
    return served.client.post("/api/v1/triages", json={"target": target}, headers=headers)


def test_a_run_is_triaged_kept_and_found_where_the_answer_says(served: Service) -> None:
    answer = submit(served)

    assert answer.status_code == 201
    (kept,) = served.store.list()
    assert answer.json()["incident_id"] == kept.incident_id
    assert served.client.get(answer.headers["location"]).json()["job_run_id"] == kept.job_run_id
    assert answer.json()["safe_to_retry"] is False


def test_the_same_key_gives_the_same_incident_and_triages_once(served: Service) -> None:
    first, again = submit(served, key="night-1"), submit(served, key="night-1")

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(served.store.history(first.json()["incident_id"])) == 1
    assert served.client.get("/api/v1/triages/night-1").json() == first.json()


def test_a_key_that_was_given_to_something_else_is_refused(served: Service) -> None:
    submit(served, key="night-1")
    answer = submit(served, "local:orders/run_other", key="night-1")

    assert answer.status_code == 409
    assert len(served.store.list()) == 1


def test_a_key_is_its_tokens_own(served: Service) -> None:
    other = make_token(served.store, Scope.SUBMIT, name="other")
    submit(served, key="night-1")
    answer = served.client.get("/api/v1/triages/night-1", headers={"authorization": f"Bearer {other}"})

    assert answer.status_code == 404
    assert "this key with this token" in answer.json()["title"]


@pytest.mark.parametrize("key", ["a b", "ö", "x" * 129])
def test_a_key_is_printable_ascii(served: Service, key: str) -> None:
    answer = served.client.post(
        "/api/v1/triages", json={"target": TARGET}, headers=[(b"idempotency-key", key.encode("latin-1"))]
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("target", ["/etc", "cases/new_column", "https://example.com/x", "local:nowhere/run_1"])
def test_what_cannot_be_triaged_says_why(served: Service, target: str) -> None:
    answer = submit(served, target, key="k")

    assert answer.status_code == 422
    assert answer.json()["title"]
    assert served.store.list() == []


def slowly(served: Service, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have every triage of the program wait for the event."""
    go, whole = threading.Event(), served.program.triage_kept

    def late(target: str) -> Incident:
        assert go.wait(20)
        return whole(target)

    monkeypatch.setattr(served.program, "triage_kept", late)
    return go


def until(answers: Callable[[], Any]) -> Any:
    for _ in range(400):
        found = answers()
        if found.status_code != 202:
            return found
        threading.Event().wait(0.05)
    raise AssertionError("it is still running")


def test_a_long_triage_is_answered_by_where_it_will_be(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "WAIT_SECONDS", 0.2)
    go = slowly(served, monkeypatch)
    answer = submit(served, key="night-1")
    assert (answer.status_code, answer.json()) == (202, {"state": "running", "key": "night-1"})
    assert submit(served, key="night-1").status_code == 202
    go.set()

    ended = until(lambda: served.client.get("/api/v1/triages/night-1"))

    assert ended.status_code == 200
    assert ended.json()["pipeline_name"] == "orders"
    assert len(served.store.history(ended.json()["incident_id"])) == 1


def test_many_with_one_key_at_once_make_one_incident(served: Service) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: submit(served, key="storm"), range(16)))
    last = until(lambda: served.client.get("/api/v1/triages/storm"))

    assert {one.status_code for one in answers} <= {200, 201, 202, 503}
    assert len([one for one in answers if one.status_code == 201]) <= 1
    assert last.status_code == 200
    assert len(served.store.history(last.json()["incident_id"])) == 1


def test_no_more_at_once_than_may(served: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submissions, "WAIT_SECONDS", 0.1)
    at_once = served.program.settings.serve.at_once
    go = slowly(served, monkeypatch)
    try:
        assert {submit(served, key=f"k{number}").status_code for number in range(at_once)} == {202}
        refused = submit(served, key="more")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    finally:
        go.set()
    for number in range(at_once):
        assert until(partial(served.client.get, f"/api/v1/triages/k{number}")).status_code == 200
    assert submit(served, key="more").status_code == 201


def test_a_defect_while_triaging_is_told_and_the_service_goes_on(
    served: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(target: str) -> Incident:
        raise RuntimeError(f"secret detail of {target}")

    with monkeypatch.context() as patched:
        patched.setattr(served.program, "triage_kept", broken)
        answer = submit(served, key="k")
        assert answer.status_code == 422
        assert "RuntimeError" in answer.json()["title"]
        assert "secret detail" not in answer.text
    assert submit(served, key="k2").status_code == 201


def post_bundle(client: TestClient, body: bytes, key: str | None = None) -> Any:
    headers = {"content-type": "application/gzip"} | ({"idempotency-key": key} if key else {})
    return client.post("/api/v1/bundles", content=body, headers=headers)


def test_a_bundle_gives_the_verdict_of_the_command_line(served: Service) -> None:
    body = tar(CASE)
    answer = post_bundle(served.client, body, "b1")
    here = triage_bundle(CASE)

    assert answer.status_code == 201
    for field in ("pipeline_name", "job_run_id", "failure_category", "safe_to_retry", "confidence", "fingerprint"):
        assert answer.json()[field] == getattr(here, field), field
    assert post_bundle(served.client, body, "b1").status_code == 200
    assert post_bundle(served.client, body + b"\0", "b1").status_code == 409


def test_a_bundle_that_is_none_is_refused_in_words(served: Service) -> None:
    answer = post_bundle(served.client, b"no gzip")

    assert answer.status_code == 422
    assert "tar czf" in answer.json()["title"]


def test_a_bundle_that_is_too_large_is_not_taken(served: Service) -> None:
    assert post_bundle(served.client, b"\0" * (32 * 1024 * 1024 + 1)).status_code == 413


def test_nothing_of_a_bundle_is_left_on_the_disk(
    served: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))

    assert post_bundle(served.client, tar(CASE)).status_code == 201
    assert post_bundle(served.client, b"no gzip").status_code == 422
    assert list(place.iterdir()) == []


def test_a_submission_is_in_the_audit_log(served: Service) -> None:
    submit(served)
    post_bundle(served.client, tar(CASE))
    entries = served.client.get("/api/v1/audit").json()["entries"]

    assert [(one["entry"]["what"], one["entry"]["about"]) for one in entries] == [
        ("submit", "a bundle"),
        ("submit", TARGET),
    ]
