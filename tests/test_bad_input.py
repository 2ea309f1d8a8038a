"""Broken bundles: each gives a gap that names the file, or a clear error; never a traceback, never a safe verdict."""

import gzip
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipetriage.bootstrap import open_app
from pipetriage.errors import BundleError, TargetError
from pipetriage.model.incident import Incident

CASES = Path(__file__).parent.parent / "cases"
SAFE = ("missing_source_path", "throttled_before_write")
UNSAFE = ("failure_after_staging_write", "new_column", "low_record_count", "shuffle_spill_long_task")
# Without any of these nothing can be proven, whatever else is seen (design section 4.4).
NEEDED = ("glue/job_run.json", "glue/job_runs.json", "glue/job.json", "iceberg/target.metadata.json")


def files_of(case: str) -> list[str]:
    folder = CASES / case
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if path not in {"bundle.json", "expected.yaml"})


EVERY_FILE = [(case, name) for case in (*SAFE, *UNSAFE[:2]) for name in files_of(case)]


def broken(tmp_path: Path, case: str) -> Path:
    return Path(shutil.copytree(CASES / case, tmp_path / case))


def triage(folder: Path) -> Incident:
    return open_app(use_store=False).triage(str(folder))


def edit(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    path = folder / name
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def gaps_naming(incident: Incident, name: str) -> list[str]:
    # A folder of logs or event logs is one source: its gap names the folder, or the file in it.
    words = {name, name.rsplit("/", 1)[-1]}
    if name.startswith(("logs/", "spark/")):
        words.add(name.split("/")[0] + "/")
    return [gap.reason for gap in incident.gaps if any(word in f"{gap.source} {gap.reason}" for word in words)]


def check(incident: Incident, case: str, name: str) -> None:
    if case in UNSAFE or name in NEEDED:
        assert not incident.safe_to_retry


@pytest.mark.parametrize(("case", "name"), EVERY_FILE)
def test_a_file_that_is_missing(tmp_path: Path, case: str, name: str) -> None:
    folder = broken(tmp_path, case)
    (folder / name).unlink()
    incident = triage(folder)
    check(incident, case, name)
    left = name.startswith("logs/") and any(path.is_file() for path in (folder / "logs").rglob("*"))
    assert left or gaps_naming(incident, name)


@pytest.mark.parametrize(("case", "name"), EVERY_FILE)
def test_a_file_that_is_cut_off(tmp_path: Path, case: str, name: str) -> None:
    folder = broken(tmp_path, case)
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    incident = triage(folder)
    check(incident, case, name)
    # A log ends where it ends; every document that is cut must be named.
    assert name.startswith(("logs/", "spark/")) or gaps_naming(incident, name) or ".jsonl" in name


@pytest.mark.parametrize(("case", "name"), EVERY_FILE)
@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x80junk\n", b"[]", b'"text"', b"null"])
def test_a_file_of_something_else(tmp_path: Path, case: str, name: str, content: bytes) -> None:
    folder = broken(tmp_path, case)
    (folder / name).write_bytes(content)
    incident = triage(folder)
    check(incident, case, name)


@pytest.mark.parametrize("case", SAFE)
@pytest.mark.parametrize("name", NEEDED)
def test_an_empty_file_is_a_gap_and_never_an_answer(tmp_path: Path, case: str, name: str) -> None:
    folder = broken(tmp_path, case)
    (folder / name).write_bytes(b"")
    incident = triage(folder)
    assert gaps_naming(incident, name)
    assert not incident.safe_to_retry


@pytest.mark.parametrize("case", SAFE)
def test_an_entries_file_that_lost_its_end_is_noticed(tmp_path: Path, case: str) -> None:
    folder = broken(tmp_path, case)
    path = folder / "iceberg/target.entries.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    assert any("entries" in gap.source for gap in triage(folder).gaps)


@pytest.mark.parametrize("case", UNSAFE)
def test_a_log_of_binary_junk(tmp_path: Path, case: str) -> None:
    folder = broken(tmp_path, case)
    fill_logs_with_noise(folder)
    assert not triage(folder).safe_to_retry


@pytest.mark.parametrize("case", SAFE)
def test_a_log_of_binary_junk_is_a_gap(tmp_path: Path, case: str) -> None:
    folder = broken(tmp_path, case)
    fill_logs_with_noise(folder)
    incident = triage(folder)
    assert any("logs" in gap.source for gap in incident.gaps)
    assert not incident.safe_to_retry


def test_a_log_of_binary_junk_does_not_show_that_nothing_was_sent_elsewhere(tmp_path: Path) -> None:
    folder = broken(tmp_path, SAFE[1])
    edit(folder, "bundle.json", lambda document: document["pipeline"].update(other_effects=["jdbc:crm"]))
    fill_logs_with_noise(folder)
    assert not triage(folder).safe_to_retry


def fill_logs_with_noise(folder: Path) -> None:
    noise = random.Random(7).randbytes(200_000)  # noqa: S311  # noise, not a secret
    for log in (folder / "logs").rglob("*.jsonl"):
        log.write_bytes(noise)


@pytest.mark.parametrize("case", UNSAFE[:1])
@pytest.mark.parametrize("unit", [b"x", b"at a.B.c(D.java:1) ", b"\x00", b"[{"])
def test_a_log_that_is_one_line_of_ten_megabytes(tmp_path: Path, case: str, unit: bytes) -> None:
    folder = broken(tmp_path, case)
    (folder / "logs" / "huge.log").write_bytes(b"26/11/22 02:31:00 ERROR Main: " + unit * (10_000_000 // len(unit)))
    incident = triage(folder)
    assert not incident.safe_to_retry
    assert len(incident.likely_root_cause) < 5_000


@pytest.mark.parametrize("case", SAFE)
def test_an_iceberg_version_from_the_future(tmp_path: Path, case: str) -> None:
    folder = broken(tmp_path, case)
    edit(folder, "iceberg/target.metadata.json", lambda document: document.update({"format-version": 9}))
    incident = triage(folder)
    assert not incident.safe_to_retry
    assert any("format-version" in gap.reason for gap in incident.gaps)


@pytest.mark.parametrize("case", [*SAFE, *UNSAFE])
@pytest.mark.parametrize("style", ["seconds", "milliseconds", "text of seconds", "Z"])
def test_times_in_any_spelling_give_the_same_verdict(tmp_path: Path, case: str, style: str) -> None:
    from pipetriage.model.times import parse_time

    def spelled(value: str) -> object:
        parsed = parse_time(value)
        assert parsed is not None
        seconds = parsed.timestamp()
        as_number: dict[str, object] = {"seconds": seconds, "milliseconds": round(seconds * 1000)}
        return as_number.get(style, str(seconds) if style != "Z" else parsed.isoformat().replace("+00:00", "Z"))

    def respell(run: dict[str, Any]) -> None:
        run.update({key: spelled(run[key]) for key in ("StartedOn", "CompletedOn", "LastModifiedOn")})

    def respell_all(document: dict[str, Any]) -> None:
        for run in document["JobRuns"]:
            respell(run)

    folder = broken(tmp_path, case)
    before = triage(folder)
    edit(folder, "glue/job_run.json", lambda document: respell(document["JobRun"]))
    edit(folder, "glue/job_runs.json", respell_all)
    edit(folder, "bundle.json", lambda document: document.update(captured_at=spelled(document["captured_at"])))
    after = triage(folder)
    assert (after.failure_category, after.safe_to_retry, after.rerun.decision) == (
        before.failure_category,
        before.safe_to_retry,
        before.rerun.decision,
    )
    assert (after.started_at, after.ended_at) == (before.started_at, before.ended_at)


@pytest.mark.parametrize("case", SAFE)
@pytest.mark.parametrize("when", ["yesterday", -1, 1e300, {}, None, True, "9999999999999999999"])
def test_a_time_that_is_no_time(tmp_path: Path, case: str, when: object) -> None:
    folder = broken(tmp_path, case)
    edit(folder, "glue/job_run.json", lambda document: document["JobRun"].update(StartedOn=when, CompletedOn=when))
    edit(folder, "glue/job_runs.json", lambda document: document["JobRuns"][0].update(StartedOn=when, CompletedOn=when))
    assert not triage(folder).safe_to_retry


@pytest.mark.parametrize("case", SAFE)
@pytest.mark.parametrize("when", ["yesterday", None, "1999-01-01T00:00:00Z"])
def test_a_bundle_that_was_not_taken_after_the_run(tmp_path: Path, case: str, when: object) -> None:
    folder = broken(tmp_path, case)
    edit(folder, "bundle.json", lambda document: document.update(captured_at=when))
    assert not triage(folder).safe_to_retry


@pytest.mark.parametrize("case", SAFE)
@pytest.mark.parametrize("name", ["glue/job_run.json", "bundle.json"])
def test_a_bundle_of_another_run(tmp_path: Path, case: str, name: str) -> None:
    folder = broken(tmp_path, case)

    def rename(document: dict[str, Any]) -> None:
        if name == "bundle.json":
            document["run"]["job_run_id"] = "jr_" + "0" * 64
        else:
            document["JobRun"]["Id"] = "jr_" + "0" * 64

    edit(folder, name, rename)
    incident = triage(folder)
    assert not incident.safe_to_retry
    assert any("job_run" in f"{gap.source} {gap.reason}" for gap in incident.gaps)


@pytest.mark.parametrize(
    "content",
    [None, b"", b"{", b"[]", b"null", b"{}", b'{"bundle_version": 2}', b'{"bundle_version":1,"run":7}', b"\xff"],
)
def test_a_bundle_json_that_is_none_is_named(tmp_path: Path, content: bytes | None) -> None:
    folder = broken(tmp_path, SAFE[0])
    path = folder / "bundle.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        triage(folder)


def test_a_target_that_is_no_folder(tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    file.write_text("{}", encoding="utf-8")
    for target in (file, tmp_path / "nowhere"):
        with pytest.raises(TargetError):
            triage(target)


@pytest.mark.parametrize("case", SAFE)
@pytest.mark.parametrize("name", NEEDED)
def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, case: str, name: str) -> None:
    folder = broken(tmp_path, case)
    outside = tmp_path / "outside.json"
    shutil.move(folder / name, outside)
    (folder / name).symlink_to(outside)
    incident = triage(folder)
    assert not incident.safe_to_retry
    assert gaps_naming(incident, name)


@pytest.mark.parametrize("case", SAFE)
def test_a_folder_where_a_file_should_be(tmp_path: Path, case: str) -> None:
    for name in NEEDED:
        folder = broken(tmp_path / name.replace("/", "-"), case)
        (folder / name).unlink()
        (folder / name).mkdir()
        assert not triage(folder).safe_to_retry


def test_a_bundle_that_cannot_be_written_is_triaged_all_the_same(tmp_path: Path) -> None:
    folder = broken(tmp_path, SAFE[0])
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert triage(folder).safe_to_retry
    finally:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_deeply_nested_json(tmp_path: Path) -> None:
    folder = broken(tmp_path, SAFE[0])
    for name in NEEDED:
        (folder / name).write_text("[" * 200_000 + "]" * 200_000, encoding="utf-8")
    assert not triage(folder).safe_to_retry


def test_failed_quality_rules_are_found_in_a_run_that_succeeded(tmp_path: Path) -> None:
    folder = broken(tmp_path, "low_record_count")
    document = json.loads((folder / "bundle.json").read_text())
    rule = {"Name": "Rule_1", "EvaluatedRule": 'IsComplete "id"', "Result": "FAIL", "EvaluationMessage": "0.4"}
    (folder / "data_quality").mkdir(exist_ok=True)
    results = [{"JobRunId": document["run"]["job_run_id"], "RuleResults": [rule]}]
    (folder / "data_quality/results.json").write_text(json.dumps(results))
    incident = triage(folder)
    assert incident.status == "SUCCEEDED"
    assert "QUALITY_FAILED" in {finding.failure_mode for finding in incident.findings}
    assert not incident.safe_to_retry


@pytest.mark.parametrize("extreme", ["time", "batch", "skew", "settle"])
def test_numbers_and_dates_at_the_end_of_time_end_no_triage(extreme: str, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(CASES / SAFE[1], folder)
    manifest = json.loads((folder / "bundle.json").read_text())
    run = json.loads((folder / "glue/job_run.json").read_text())
    match extreme:
        case "time":
            run["JobRun"]["StartedOn"] = "9999-12-31T23:59:59-14:00"
        case "batch":
            manifest["run"]["batch_id"] = "9999-12-31"
        case "skew":
            manifest["clock_skew_seconds"] = 1e12
        case "settle":
            manifest["settle_seconds"] = 1e300
    (folder / "bundle.json").write_text(json.dumps(manifest))
    (folder / "glue/job_run.json").write_text(json.dumps(run))
    incident = open_app(use_store=False).triage(str(folder))
    assert incident.rerun.reasons
    # A skew of centuries is bounded to a week, in which this table shows nothing but another batch's own commit.
    assert incident.safe_to_retry is (extreme == "skew")


@pytest.mark.parametrize("case", SAFE)
def test_a_compressed_log_says_what_it_holds_and_one_that_is_cut_is_a_gap(tmp_path: Path, case: str) -> None:
    folder = broken(tmp_path, case)
    whole = triage(folder)
    logs = [path for path in (folder / "logs").rglob("*") if path.is_file()]
    for path in logs:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    packed = triage(folder)
    assert packed.safe_to_retry
    assert (packed.failure_category, packed.failure_mode) == (whole.failure_category, whole.failure_mode)

    # Enough of it is left to name the cause, and nothing to promise on.
    cut = logs[0].with_name(f"{logs[0].name}.gz")
    cut.write_bytes(gzip.compress(logs_text := gzip.decompress(cut.read_bytes()) * 200)[:-40])
    assert len(logs_text) > 10_000
    torn = triage(folder)
    assert not torn.safe_to_retry
    [gap] = [gap for gap in torn.gaps if gap.source == "logs"]
    assert gap.reason == f"{cut.relative_to(folder / 'logs')} ends in the middle of its compressed data: fetch it again"
    assert gap.effect == "what the rest of the log says is not known: nothing is called safe to retry"
    assert any(one.source == "logs" for one in torn.evidence)


@pytest.mark.parametrize("name", ["driver.log.1", "driver.log.bz2"])
def test_a_part_of_the_log_that_is_not_read_is_a_gap(tmp_path: Path, name: str) -> None:
    folder = broken(tmp_path, SAFE[1])
    assert triage(folder).safe_to_retry
    (folder / "logs" / name).write_text(
        "26/11/21 03:00:00 ERROR Job: java.lang.IllegalStateException: what came before"
    )
    incident = triage(folder)
    assert not incident.safe_to_retry
    assert [gap for gap in incident.gaps if gap.source == "logs"]
