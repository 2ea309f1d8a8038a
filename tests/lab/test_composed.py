"""The composed cases: the same bytes every time, read without loss, labelled by how they are made."""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.composed.__main__ import PREFIXES, remove_stale, write
from lab.composed.builder import build
from lab.composed.catalogue import cases, faults
from lab.composed.labels import category, committed, family, harmless, safe, summary, unread
from lab.composed.traces import CALLS, blocks, frames
from lab.composed.words import Case
from lab.split import split_of
from pipetriage.bootstrap import open_app

ROOT = Path(__file__).parents[2] / "cases"
CASES = {case.name: case for case in cases()}
AWS = [case for case in cases() if case.name.startswith("aws_")]
ADVERSE = [case for case in cases() if case.name.startswith("adv_")]


@cache
def gaps(name: str) -> tuple[tuple[str, str], ...]:
    """List what the tool says it could not read; nothing else of its answer is looked at here."""
    incident = open_app(use_store=False).triage(str(ROOT / name))
    return tuple((gap.source, gap.reason) for gap in incident.gaps)


def labels(case: Case) -> dict[str, Any]:
    read = yaml.safe_load(build(case)["expected.yaml"])
    assert isinstance(read, dict)
    return read


def test_there_are_as_many_as_the_corpus_needs() -> None:
    assert len(AWS) >= 110
    assert len({family(case) for case in AWS}) >= 45
    assert len(ADVERSE) >= 70
    assert len({family(case) for case in ADVERSE}) >= 35
    assert sum(safe(case) for case in AWS) >= 45
    assert summary(cases())["safe in reserve"] >= 30
    assert len(CASES) == len(cases())


def test_every_category_is_there_on_both_sides_of_the_split() -> None:
    seen = Counter((category(case)[0], split_of(family(case))) for case in cases())
    assert len(seen) == 16
    assert min(seen.values()) >= 2


def test_the_adversary_plays_on_templates_of_its_own_side() -> None:
    # Or an error text would be seen in development and scored in reserve.
    for case in ADVERSE:
        if case.fault.family in faults():
            assert split_of(family(case)) == split_of(f"aws_{case.fault.family}"), case.name


@pytest.mark.parametrize("name", CASES)
def test_what_is_kept_is_what_is_made(name: str) -> None:
    made = {path: text.encode("utf-8", "surrogateescape") for path, text in build(CASES[name]).items()}
    kept = {
        str(path.relative_to(ROOT / name)): path.read_bytes() for path in (ROOT / name).rglob("*") if path.is_file()
    }
    assert kept == made


def test_nothing_stale_is_kept() -> None:
    kept = {path.name for path in ROOT.iterdir() if path.name.startswith(PREFIXES)}
    assert kept == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_every_file_is_read(name: str) -> None:
    denied = {source for source, reason in gaps(name) if "AccessDenied" in reason}
    lost = {
        (source, reason)
        for source, reason in gaps(name)
        if source.split(":")[0] not in denied and not re.search(r"is not in the bundle|logs/ is not", reason)
    }
    assert {one for one in lost if "AccessDenied" not in one[1]} == set()


@pytest.mark.parametrize("name", CASES)
def test_labels_are_whole_and_agree_with_each_other(name: str) -> None:
    case, read = CASES[name], labels(CASES[name])
    assert read["failure_category"] in read["acceptable_categories"]
    assert read["family"] == family(case)
    assert read["split"] == split_of(read["family"])
    assert len(read["notes"]) > 60
    if read["safe_to_retry"]:
        assert read["rerun_harmless"] is True
        assert read["failure_category"] in {"UNKNOWN", "SOURCE_DELAY"}
        assert not (committed(case) and case.variant.mode == "append")
        assert case.fault.clears != "no"
        assert not unread(case)
    if committed(case) and case.variant.mode == "append":
        assert read["rerun_harmless"] is not True
    assert "«" not in read["notes"]
    assert harmless(case) is read["rerun_harmless"]


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_small_and_names_no_machine(name: str) -> None:
    files = build(CASES[name])
    assert sum(len(text.encode("utf-8", "surrogateescape")) for text in files.values()) < 160_000
    text = "\n".join(files.values())
    assert not re.search(r"/(?:work|home)/|spark-venv|192\.0\.2|«[a-z0-9_]+»", text)
    # Only the documentation's account ids.
    assert set(re.findall(r"arn:aws:[a-z0-9-]*:[a-z0-9-]*:(\d+)", text)) <= {"111122223333", "444455556666"}


def test_the_average_case_stays_small() -> None:
    sizes = [sum(len(text) for text in build(case).values()) for case in cases()]
    assert sum(sizes) / len(sizes) < 45_000


def test_the_log_of_a_commit_that_landed_names_its_snapshot() -> None:
    for case in AWS:
        if case.variant.written != "some" or case.variant.without:
            continue
        files = build(case)
        metadata = json.loads(next(text for path, text in files.items() if path.endswith("metadata.json")))
        logs = "".join(text for path, text in files.items() if path.startswith("logs/"))
        named = set(re.findall(r"Committed snapshot (\d+)", logs))
        assert named
        assert named <= {str(one["snapshot-id"]) for one in metadata["snapshots"]}


def test_a_table_agrees_with_itself_and_with_the_catalog() -> None:
    metadata = pytest.importorskip("pyiceberg.table.metadata")
    for name in CASES:
        for path in (ROOT / name).rglob("*metadata.json"):
            table = metadata.TableMetadataUtil.parse_raw(path.read_text(encoding="utf-8"))
            times = [one.timestamp_ms for one in table.snapshots]
            assert times == sorted(times), name
            assert table.current_snapshot_id == table.refs["main"].snapshot_id == table.snapshots[-1].snapshot_id
            assert len(table.metadata_log) == len(table.snapshots)
            document = next((ROOT / name).rglob("table.json"), None)
            if document is None:
                continue
            parameters = json.loads(document.read_text(encoding="utf-8"))["Table"]["Parameters"]
            notes = json.loads((ROOT / name / "bundle.json").read_text(encoding="utf-8"))["files"]
            assert parameters["metadata_location"] == notes[str(path.relative_to(ROOT / name))]["uri"]
            assert parameters["previous_metadata_location"] == table.metadata_log[-1].metadata_file


def test_writing_again_gives_the_same_bytes_and_removes_what_is_stale(tmp_path: Path) -> None:
    case = cases()[0]
    (tmp_path / "aws_gone_01").mkdir()
    (tmp_path / "spark_kept_01").mkdir()
    write(case, tmp_path)
    (tmp_path / case.name / "left_over.txt").write_text("from an older version", encoding="utf-8")
    first = write(case, tmp_path)
    assert not (tmp_path / case.name / "left_over.txt").exists()
    assert write(case, tmp_path) == first
    assert remove_stale(tmp_path, {case.name}) == ["aws_gone_01"]
    assert (tmp_path / "spark_kept_01").exists()


def test_the_tables_name_what_there_is() -> None:
    for fault in faults().values():
        if fault.error is not None:
            assert fault.error.call in CALLS
            assert all(frames(block) is not None for _, block in fault.error.chain)
    assert all(frames(name) is not None for name in blocks())
