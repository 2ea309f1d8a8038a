"""*Trends*, *Quality* and *Readiness*: the figures are those of the store, and a file of them runs nothing."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.testclient import TestClient

from pipetriage.bootstrap import open_app
from pipetriage.entrypoints.web.service import service
from pipetriage.model.categories import Category
from pipetriage.model.incident import from_json
from pipetriage.model.review import Review
from pipetriage.model.write_state import RerunDecision
from pipetriage.stores import open_store
from tests.building_captures import delta_half_written
from tests.entrypoints.web.pages.seeded import FORMULA, GOLDEN, NASTY, fill


def client_of(folder: Path, config: Path | None = None) -> TestClient:
    program = open_app(config=config, store_url=str(folder / "incidents.db"))
    return TestClient(service(program, None), base_url="http://localhost", follow_redirects=False)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, list[Any]]]:
    folder = tmp_path_factory.mktemp("figures")
    made = fill(folder / "incidents.db", count=80)
    with client_of(folder) as client:
        yield client, made


def rows(client: TestClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_trends_add_up_and_lead_to_their_incidents(many: tuple[TestClient, list[Any]]) -> None:
    client, made = many
    pipelines = rows(client, "/trends.csv?table=pipelines&days=365")

    counted = {one["pipeline"].removeprefix("'"): int(one["incidents"]) for one in pipelines}
    assert counted == {name: sum(one.pipeline_name == name for one in made) for name in counted}
    assert sum(counted.values()) == len(made)
    page = client.get("/trends?days=365").text
    assert f">{len(made)}<" in page
    links = re.findall(r'href="(/\?[^"]*fingerprint=[^"]+)"', page)
    assert links
    assert client.get(links[0].replace("&amp;", "&")).status_code == 200


def test_no_cell_of_a_file_is_a_formula_and_no_name_is_markup(many: tuple[TestClient, list[Any]]) -> None:
    client, _ = many
    for address in ("/trends.csv?table=pipelines&days=365", "/incidents.csv?standing=ALL"):
        cells = [cell for row in rows(client, address) for cell in row.values()]
        assert any(FORMULA in cell for cell in cells)
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r"))]
    for address in ("/?standing=ALL", "/trends?days=365", "/quality?days=365"):
        page = client.get(address).text
        assert NASTY.partition("\u202e")[0] not in page
        assert "\u202e" not in page


@pytest.mark.parametrize("page", ["trends", "quality"])
def test_what_is_wrong_in_an_address_is_said(many: tuple[TestClient, list[Any]], page: str) -> None:
    client, _ = many
    assert client.get(f"/{page}.csv?table=nothing").status_code == 422
    assert client.get(f"/{page}?days=0").status_code == 422
    assert client.get(f"/{page}.json?days=30").headers["content-type"] == "application/json"


def test_quality_is_what_the_reviews_say_counted_by_hand(tmp_path: Path) -> None:
    store, golden, at = open_store(str(tmp_path / "incidents.db")), from_json(GOLDEN.read_bytes()), datetime.now(UTC)
    # Called safe and was; called safe and was not; rightly called unsafe; called unsafe, and the category was wrong.
    for number, (safe, truly, category) in enumerate(
        [(True, True, "UNKNOWN"), (True, False, "UNKNOWN"), (False, False, "UNKNOWN"), (False, False, "DATA_SKEW")]
    ):
        decision = RerunDecision.SAFE if safe else RerunDecision.UNSAFE
        named = {"incident_id": f"inc_{number}", "job_run_id": f"jr_{number}", "batch_key": f"b{number}"}
        said = {"failure_category": Category.UNKNOWN, "safe_to_retry": safe, "confidence": 0.9}
        incident = replace(golden, **named, **said, rerun=replace(golden.rerun, decision=decision), created_at=at)
        store.save(replace(incident, ended_at=at - timedelta(minutes=4)))
        review = Review(
            by="ada",
            reviewed_at=at + timedelta(minutes=30),
            failure_category=Category(category),
            safe_to_retry=truly,
            rerun_harmless=truly,
        )
        store.add_review(f"inc_{number}", review)
    client = client_of(tmp_path)
    found = client.get("/quality.json").json()

    assert found["reviewed"] == 4
    assert found["override_rate"] == 0.5
    assert found["overrides"] == {"hits": 2, "n": 4}
    assert found["metrics"]["safe_retry_precision"] == 0.5
    assert found["metrics"]["safe_retry_coverage"] == 1.0
    assert found["metrics"]["fatal_misses"] == 1
    assert found["metrics"]["false_confidence_rate"] == 0.5
    assert found["to_verdict"]["p50"] == pytest.approx(240)
    page = client.get("/quality").text
    assert "4 reviews are too few to mean anything" in page
    assert "harm called safe" in page
    assert {one["incident_id"] for one in rows(client, "/quality.csv?table=overridden")} == {"inc_1", "inc_3"}


def test_an_empty_store_says_what_to_do(tmp_path: Path) -> None:
    open_store(str(tmp_path / "incidents.db"))
    client = client_of(tmp_path)

    assert "There is no incident yet" in client.get("/").text
    assert "Reviews are what verdicts are held against" in client.get("/quality").text
    assert client.get("/trends").status_code == 200


def test_readiness_is_looked_at_when_asked_for_and_told_until_then(tmp_path: Path) -> None:
    platform = delta_half_written(tmp_path)
    open_store(str(tmp_path / "incidents.db"))
    client = client_of(tmp_path, platform.config)
    assert client.get("/readiness.json").status_code == 404
    assert client.post("/readiness", data={"form_key": "0" * 64}).status_code == 403
    key = re.search(r'name="form_key" value="([0-9a-f]{64})"', client.get("/readiness").text)
    assert key is not None

    assert client.post("/readiness", data={"form_key": key[1]}).headers["location"] == "/readiness"

    found = client.get("/readiness.json").json()
    assert [one["name"] for one in found["pipelines"]] == ["orders"]
    signals = rows(client, "/readiness.csv?table=signals")
    assert {one["state"] for one in signals if one["signal"] == "table_commits"} == {"seen"}
    assert {one["check"] for one in rows(client, "/readiness.csv?table=checks")} >= {"store"}
