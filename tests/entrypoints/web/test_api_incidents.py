"""``/api/v1``: lists, one incident, and the measures, as a program reads them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipetriage.model.incident import Incident, from_json, to_json
from pipetriage.model.review import Review
from tests.entrypoints.web.asking import Service
from tests.entrypoints.web.pages.seeded import NASTY, fill

COUNT = 40


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("served")
    fill(folder / "incidents.db", count=COUNT)
    service = Service(folder)
    with service.client:
        yield service


def get(served: Service, path: str, status: int = 200, /, **query: Any) -> Any:
    answer = served.client.get(f"/api/v1{path}", params=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_pages_by_cursor_give_every_incident_once_the_newest_first(served: Service) -> None:
    found, cursor = list[dict[str, Any]](), None
    while True:
        page = get(served, "/incidents", limit=7, **({"cursor": cursor} if cursor else {}))
        found += page["incidents"]
        cursor = page["next"]
        if cursor is None:
            break
    seen = [one["first_seen"] for one in found]

    assert len({one["incident_id"] for one in found}) == len(found) == COUNT
    assert seen == sorted(seen, reverse=True)
    assert set(found[0]) >= {"safe_to_retry", "failure_category", "likely_root_cause", "as_of", "owner", "standing"}


@pytest.mark.parametrize(
    ("query", "field", "value"),
    [
        ({"pipeline": "orders_daily"}, "pipeline_name", "orders_daily"),
        ({"category": "UNKNOWN"}, "failure_category", "UNKNOWN"),
        ({"owner": "ingestion"}, "owner", "ingestion"),
        ({"unsafe": "true"}, "safe_to_retry", False),
        ({"standing": "OPEN"}, "standing", "OPEN"),
        ({"q": "clicks_hourly"}, "pipeline_name", "clicks_hourly"),
    ],
)
def test_a_filter_lets_through_what_it_names_and_all_of_that(
    served: Service, query: dict[str, str], field: str, value: object
) -> None:
    everything = get(served, "/incidents", limit=200)["incidents"]
    asked: dict[str, Any] = {"limit": 200, **query}
    found = get(served, "/incidents", **asked)["incidents"]

    assert [one["incident_id"] for one in found] == [one["incident_id"] for one in everything if one[field] == value]
    assert len(found) > 0


def test_times_without_a_zone_are_utc(served: Service) -> None:
    newest = get(served, "/incidents", limit=1)["incidents"][0]["first_seen"]
    naive = newest.removesuffix("Z").split("+")[0]

    assert len(get(served, "/incidents", since=naive)["incidents"]) == 1
    assert len(get(served, "/incidents", until=naive, limit=200)["incidents"]) == COUNT - 1


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"cursor": "e30"},
        {"limit": 0},
        {"limit": 5000},
        {"category": "NONE"},
        {"since": "yesterday"},
        {"standing": "?"},
    ],
)
def test_a_wrong_filter_is_said_to_be_wrong(served: Service, query: dict[str, Any]) -> None:
    answer = get(served, "/incidents", 422, **query)

    assert answer["status"] == 422
    assert answer["title"]


def test_one_incident_is_given_whole_by_id_beginning_or_run(served: Service) -> None:
    (known,) = served.store.list(limit=1)

    for reference in (known.incident_id, known.job_run_id):
        given = get(served, f"/incidents/{reference}")
        assert from_json(served.client.get(f"/api/v1/incidents/{reference}").content) == known
        assert list(given)[:3] == ["pipeline_name", "job_run_id", "status"]
    assert get(served, f"/incidents/{known.incident_id}/evidence") == _document(known)["evidence"]
    (verdict,) = get(served, f"/incidents/{known.incident_id}/history")
    assert verdict["evidence"] == []
    assert verdict["failure_category"] == known.failure_category


@pytest.mark.parametrize("path", ["", "/evidence", "/history", "/similar", "/exposure.svg", "/reviews"])
@pytest.mark.parametrize("reference", ["inc_nothing", "%00", "'; DROP TABLE", "%ff", "inc_"])
def test_what_is_not_there_or_not_one_is_a_404_with_the_reason(served: Service, path: str, reference: str) -> None:
    answer = get(served, f"/incidents/{reference}{path}", 404)

    assert answer["title"]


def test_similar_incidents_come_with_how_they_ended(served: Service) -> None:
    many = max(get(served, "/trends")["recurring"], key=lambda one: one["count"])
    latest = many["heading"]["incident_id"]
    others = [one for one in served.store.list(limit=None) if one.fingerprint == many["heading"]["fingerprint"]]
    assert len(others) == many["count"] > 1
    review = Review(
        by="ada",
        reviewed_at=datetime.now(UTC),
        failure_category=others[1].failure_category,
        safe_to_retry=False,
        done="restored the snapshot",
    )
    served.store.add_review(others[1].incident_id, review)

    first, *_ = get(served, f"/incidents/{latest}/similar")

    assert (first["same"], first["likeness"]) == (True, 1.0)
    assert first["heading"]["incident_id"] != latest
    assert first["review"]["done"] == "restored the snapshot"


def test_the_picture_of_the_readers_is_safe_svg(served: Service) -> None:
    (known,) = served.store.list(limit=1)
    answer = served.client.get(f"/api/v1/incidents/{known.incident_id}/exposure.svg")

    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in answer.text


def test_trends_and_measures_are_those_of_the_store(served: Service) -> None:
    everything = served.store.list(limit=None)
    trends, measures = get(served, "/trends", days=365), get(served, "/metrics", days=365)

    assert trends["incidents"] == COUNT
    assert sum(count["incidents"] for day in trends["days"] for count in day["counts"]) == COUNT
    assert sum(one["incidents"] for one in trends["pipelines"]) == COUNT
    assert measures["reviewed"] == len([one for one in everything if one.review is not None]) > 0
    recent = get(served, "/trends", days=1)
    since = (datetime.now(UTC) - timedelta(days=1)).date()
    assert recent["incidents"] == len([one for one in everything if one.created_at.date() >= since]) < COUNT


def test_hostile_text_is_json_and_nothing_else(served: Service) -> None:
    answer = served.client.get("/api/v1/incidents", params={"limit": 200})

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert any(NASTY in one["likely_root_cause"] for one in answer.json()["incidents"])


def _document(incident: Incident) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(to_json(incident))
    return document
