"""Reviews over the API: who really found out what; the verdict stays what it was."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipetriage.model.access import Scope
from pipetriage.model.incident import Incident
from tests.entrypoints.web.asking import Service, make_token
from tests.entrypoints.web.pages.seeded import fill


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Service]:
    fill(tmp_path / "incidents.db", count=2, reviewed=0)
    service = Service(tmp_path)
    with service.client:
        yield service


@pytest.fixture
def incident(served: Service) -> Incident:
    return served.store.list(limit=1)[0]


def give(served: Service, incident: Incident, status: int = 201, **given: Any) -> Any:
    answer = served.client.post(f"/api/v1/incidents/{incident.incident_id}/reviews", json=given)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_an_override_is_added_and_the_verdict_stays(served: Service, incident: Incident) -> None:
    (review,) = give(
        served,
        incident,
        failure_category="DATA_SKEW",
        safe_to_retry=not incident.safe_to_retry,
        done="wrote the three partitions",
        note="one key had half of the rows",
    )

    assert review["by"].startswith("ada (")
    kept = served.store.get(incident.incident_id)
    assert (kept.failure_category, kept.safe_to_retry) == (incident.failure_category, incident.safe_to_retry)
    assert kept.review is not None
    assert (kept.review.failure_category, kept.review.done) == ("DATA_SKEW", "wrote the three partitions")
    heading = served.store.archive().heading(incident.incident_id)
    assert heading is not None
    assert heading.agreed is False


def test_what_is_left_out_agrees(served: Service, incident: Incident) -> None:
    (review,) = give(served, incident)

    assert (review["failure_category"], review["safe_to_retry"]) == (incident.failure_category, incident.safe_to_retry)


def test_several_people_review_and_all_of_it_is_kept(served: Service, incident: Incident) -> None:
    bob = make_token(served.store, Scope.REVIEW, name="bob")
    give(served, incident, note="first")
    path = f"/api/v1/incidents/{incident.incident_id}/reviews"
    served.client.post(path, json={"note": "second"}, headers={"authorization": f"Bearer {bob}"})

    assert [(one["by"][:3], one["note"]) for one in served.client.get(path).json()] == [
        ("bob", "second"),
        ("ada", "first"),
    ]
    logged = served.client.get("/api/v1/audit").json()["entries"]
    assert [(one["entry"]["who"][:3], one["entry"]["what"]) for one in logged] == [("bob", "review"), ("ada", "review")]
    assert {one["entry"]["about"] for one in logged} == {incident.incident_id}


def test_a_secret_in_a_note_is_not_kept(served: Service, incident: Incident, tmp_path: Path) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    (review,) = give(served, incident, note=f"key {key}", done="password=hunter2hunter2")

    assert key not in review["note"]
    assert "hunter2hunter2" not in review["done"]
    served.store.list()
    for file in tmp_path.glob("incidents.db*"):
        assert key.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "given",
    [
        {"failure_category": "NONE"},
        {"safe_to_retry": "perhaps"},
        {"note": "x" * 5000},
        {"rerun": True},
        {"acceptable_categories": ["UNKNOWN"] * 9},
    ],
)
def test_a_malformed_review_is_refused_and_nothing_is_kept(
    served: Service, incident: Incident, given: dict[str, Any]
) -> None:
    give(served, incident, 422, **given)

    assert served.store.reviews(incident.incident_id) == []


def test_a_review_of_nothing_is_a_404(served: Service) -> None:
    assert served.client.post("/api/v1/incidents/inc_nothing/reviews", json={}).status_code == 404


def test_only_who_may_review_reviews(served: Service, incident: Incident) -> None:
    secret = make_token(served.store, Scope.READ, Scope.SUBMIT, name="program")
    path = f"/api/v1/incidents/{incident.incident_id}/reviews"

    answer = served.client.post(path, json={}, headers={"authorization": f"Bearer {secret}"})

    assert answer.status_code == 403
    assert "review" in answer.json()["title"]
    assert served.store.reviews(incident.incident_id) == []
