"""Evidence written to harm: no hang, no unbounded memory, no secret kept, one retry given."""

import json
import os
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lz4.block
import pytest

from pipetriage.configuration import read_config
from pipetriage.errors import ConfigError
from pipetriage.sources.eventlog import EventLog

CASES = Path(__file__).parents[1] / "cases"
SAFE = CASES / "throttled_before_write"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipetriage", *arguments],
        capture_output=True,
        encoding="utf-8",
        timeout=15,
        check=False,
    )


def copied(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAFE, tmp_path / "bundle"))


def edit(path: Path, change: dict[str, Any], *inside: str) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    place = document
    for key in inside:
        place = place[key]
    place.update(change)
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "folder"])
def test_a_bundle_json_that_is_no_plain_file_does_not_hang(tmp_path: Path, kind: str) -> None:
    path = copied(tmp_path) / "bundle.json"
    path.unlink()
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case _:
            path.mkdir()
    done = command("triage", str(path.parent), "--no-store")
    assert done.returncode == 3
    assert "bundle.json" in done.stderr
    assert "internal error" not in done.stderr


def test_a_name_that_is_too_long() -> None:
    for target in ("x" * 5000, "glue:" + "x" * 5000):
        assert "internal error" not in command("triage", target, "--no-store").stderr


def test_a_rolling_log_of_java_lz4_blocks_cut_in_its_last_block(tmp_path: Path) -> None:
    def block(data: bytes) -> bytes:
        packed = lz4.block.compress(data, store_size=False)
        return bytes(b"LZ4Block\x26" + struct.pack("<III", len(packed), len(data), 0) + packed)

    folder = tmp_path / "spark" / "eventlog_v2_app"
    folder.mkdir(parents=True)
    (folder / "events_10_app.lz4").write_bytes(block(b"third\nfourth\n") + block(b"never seen\n")[:-3])
    (folder / "events_2_app.lz4").write_bytes(block(b"fir") + block(b"st\nsecond\n"))
    log = EventLog.at(folder)
    assert list(log) == [b"first", b"second", b"third", b"fourth"]


def test_secrets_in_names_places_and_gaps_are_kept_nowhere(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    secret = "hunter2Zq77xYwK9"
    evil = f"\x1b[31mred\x1b]0;title\x07\u202e\nnext \x9b5m password={secret}"
    edit(folder / "glue/job_run.json", {"WorkerType": evil, "GlueVersion": evil, "ErrorMessage": evil}, "JobRun")
    edit(folder / "bundle.json", {"gaps": [{"source": evil, "reason": evil}]})
    edit(folder / "bundle.json", {"files": {"glue/job.json": {"locator": evil}}})
    refused = {"errorCode": f"AccessDenied {evil}", "eventName": evil, "eventSource": evil}
    (folder / "cloudtrail").mkdir()
    (folder / "cloudtrail/events.json").write_text(json.dumps({"Events": [refused]}), encoding="utf-8")
    (folder / "source").mkdir()
    (folder / "source/schema.json").write_text(json.dumps({"columns": [{"name": evil}]}), encoding="utf-8")
    store = tmp_path / "store.db"
    text = command("triage", str(folder), "--store", str(store))
    document = command("triage", str(folder), "--store", str(store), "--json")
    assert (text.returncode, document.returncode) == (0, 0)
    json.loads(document.stdout)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    assert secret.encode() not in kept
    assert secret not in text.stdout + text.stderr + document.stdout + document.stderr
    assert not any(char in text.stdout for char in "\x1b\x07\x9b\u202e")


def test_of_many_gates_at_once_one_allows(tmp_path: Path) -> None:
    arguments = ("gate", str(SAFE), "--store", str(tmp_path / "store.db"))
    with ThreadPoolExecutor(4) as pool:
        codes = [done.returncode for done in pool.map(lambda _: command(*arguments), range(6))]
    assert sorted(codes) == [0, 10, 10, 10, 10, 10]


@pytest.mark.parametrize("written", ["other_efects = true", "outputs = [{table = 'a.b', wirte_mode = 'append'}]"])
def test_a_misspelled_declaration_is_refused(tmp_path: Path, written: str) -> None:
    path = tmp_path / "pipetriage.toml"
    path.write_text(f"[pipelines.orders]\n{written}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"other_efects|wirte_mode"):
        read_config(path)
