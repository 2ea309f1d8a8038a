"""``pipetriage incidents`` and ``pipetriage review``: what is left to do, did it happen before, what was done."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipetriage.entrypoints.cli import main
from pipetriage.model.incident import Incident, from_json
from pipetriage.stores import open_store

GOLDEN = Path(__file__).parent / "golden/incident.json"
Told = pytest.CaptureFixture[str]


def put(store: Path, run: str, **changes: Any) -> Incident:
    named = {"job_run_id": run, "incident_id": f"inc_{run}", "batch_key": f"bat_{run}", "batch_id": run}
    incident = replace(from_json(GOLDEN.read_bytes()), **{**named, "created_at": datetime.now(UTC), **changes})
    return open_store(str(store)).save(incident)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("USER", "ada")
    place = tmp_path / "incidents.db"
    route = from_json(GOLDEN.read_bytes()).route
    put(place, "jr_one", likely_root_cause="column discount_code is freshly new")
    put(
        place,
        "jr_two",
        likely_root_cause="the feed is late",
        fingerprint="fp_late",
        route=replace(route, owner="ingest"),
    )
    return place


def listed(store: Path, told: Told, *arguments: str) -> list[str]:
    assert main(["incidents", "list", "--json", "--store", str(store), *arguments]) == 0
    return [one["job_run_id"] for one in json.loads(told.readouterr().out)]


def test_a_list_is_narrowed_by_words_owner_and_what_is_left_to_do(store: Path, capsys: Told) -> None:
    assert listed(store, capsys) == ["jr_two", "jr_one"]
    assert listed(store, capsys, "--search", "column FRESHLY") == ["jr_one"]
    assert listed(store, capsys, "--search", "jr_tw") == ["jr_two"]
    assert listed(store, capsys, "--owner", "ingest") == ["jr_two"]
    assert listed(store, capsys, "--open", "--unsafe") == ["jr_two", "jr_one"]
    assert listed(store, capsys, "--open", "--limit", "1") == ["jr_two"]

    assert main(["review", "jr_two", "--agree", "--closed", "--store", str(store)]) == 0
    capsys.readouterr()
    assert listed(store, capsys, "--open") == ["jr_one"]


def test_what_was_done_is_told_the_next_time(store: Path, capsys: Told) -> None:
    secret = "password=hunter2hunter2"
    done = f"restored the snapshot of 02:10 ({secret})"
    assert main(["review", "jr_one", "--agree", "--done", done, "--store", str(store)]) == 0
    put(store, "jr_three", likely_root_cause="column discount_code is new")
    capsys.readouterr()

    assert main(["incidents", "show", "jr_three", "--store", str(store)]) == 0
    shown = capsys.readouterr().out
    assert "last time: restored the snapshot of 02:10" in shown
    assert secret not in shown

    assert main(["incidents", "similar", "jr_three", "--store", str(store)]) == 0
    similar = capsys.readouterr().out
    assert similar.startswith("inc_jr_one · the same failure · 2 incidents")
    assert "ended: restored the snapshot of 02:10" in similar
    assert "(ada)" in similar
    assert main(["incidents", "similar", "jr_three", "--json", "--store", str(store)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["review"]["by"] == "ada"


def test_nothing_like_it_is_said(tmp_path: Path, capsys: Told) -> None:
    put(tmp_path / "one.db", "jr_one")
    assert main(["incidents", "similar", "jr_one", "--store", str(tmp_path / "one.db")]) == 0
    assert "Nothing like it was kept." in capsys.readouterr().out


def test_a_review_is_in_the_audit_log(store: Path) -> None:
    assert (
        main(["review", "jr_one", "--category", "DATA_SKEW", "--not-safe", "--by", "bob", "--store", str(store)]) == 0
    )

    ((_, entry),) = open_store(str(store)).access().entries()

    assert (entry.who, entry.what, entry.about) == ("bob", "review", "inc_jr_one")


def test_another_right_category_confirms_the_verdict(store: Path, capsys: Told) -> None:
    kept = open_store(str(store)).get("jr_one")
    other = next(one for one in ("DATA_SKEW", "UNKNOWN") if one != kept.failure_category)
    said = ["--category", other, "--also", kept.failure_category.value, "--not-safe"]

    assert main(["review", "jr_one", *said, "--store", str(store)]) == 0

    assert "verdict confirmed" in capsys.readouterr().out
