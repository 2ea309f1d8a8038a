"""Takes evidence out of a captured bundle: one signal at a time, and some in pairs."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

# What each signal is in a bundle (design section 6); several tables have folders of their own.
SIGNALS: dict[str, tuple[str, ...]] = {
    "log": ("logs",),
    "event_log": ("spark",),
    "run": ("glue/job_run.json",),
    "history": ("glue/job_runs.json",),
    "job": ("glue/job.json",),
    "bookmark": ("glue/job_bookmark.json",),
    "control": ("control/rows.json",),
    "source": ("s3/source.json",),
    "source_schema": ("source/schema.json",),
    "good_history": ("history.json", "s3/source.previous.json"),
    "catalog": ("glue/table.json", "tables/*/*/table.json"),
    "metadata": ("iceberg/*.metadata.json", "tables/*/*/metadata.json"),
    "manifests": ("iceberg/*.entries.jsonl", "tables/*/*/entries.jsonl"),
    "table_listing": ("s3/target.json", "s3/staging.json", "tables/*/*/listing.json"),
    "delta_log": ("delta", "tables/*/*/delta_log"),
}
CUTS = ("log_tail", "history_tail", "entries_tail")
"""Signals cut short, where the cut shows: half a log, a page with its token."""


def ablations(bundle: Path, work: Path, seed: int, pairs: int = 3) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Give copies of the bundle, each without some evidence; a copy is gone once the next is asked for."""
    present = [name for name in SIGNALS if any(True for _ in _found(bundle, name))]
    chance = random.Random(f"ablate {seed}")
    wanted: list[tuple[str, ...]] = [(name,) for name in present]
    wanted += [(name,) for name in CUTS if _can_cut(bundle, name)]
    if len(present) > 1:
        wanted += [tuple(sorted(chance.sample(present, 2))) for _ in range(pairs)]
    for removed in dict.fromkeys(wanted):
        copy = work / "ablated"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(bundle, copy)
        for name in removed:
            _take_out(copy, name)
        yield removed, copy
    shutil.rmtree(work / "ablated", ignore_errors=True)


def _found(bundle: Path, name: str) -> Iterator[Path]:
    for pattern in SIGNALS[name]:
        yield from bundle.glob(pattern)


def _take_out(bundle: Path, name: str) -> None:
    if name in CUTS:
        _CUTTERS[name](bundle)
        return
    for path in list(_found(bundle, name)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _can_cut(bundle: Path, name: str) -> bool:
    if name == "log_tail":
        return any(bundle.glob("logs/**/*.*"))
    if name == "history_tail":
        path = bundle / "glue/job_runs.json"
        return path.exists() and len(json.loads(path.read_text("utf-8")).get("JobRuns", ())) > 1
    return any(_found(bundle, "manifests"))


def _cut_log(bundle: Path) -> None:
    for path in bundle.glob("logs/**/*.*"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[: len(lines) // 2]), "utf-8")


def _cut_history(bundle: Path) -> None:
    """Keep the first page: the newest runs, and the token that says there are more."""
    path = bundle / "glue/job_runs.json"
    document = json.loads(path.read_text("utf-8"))
    document["JobRuns"] = document["JobRuns"][:1]
    document["NextToken"] = "eyJ"
    path.write_text(json.dumps(document), "utf-8")


def _cut_entries(bundle: Path) -> None:
    """Lose the last manifest's entries: each snapshot's own summary tells how many there should be."""
    for path in _found(bundle, "manifests"):
        lines = path.read_text("utf-8").splitlines(keepends=True)
        path.write_text("".join(lines[: len(lines) // 2]), "utf-8")


_CUTTERS: dict[str, Callable[[Path], None]] = {
    "log_tail": _cut_log,
    "history_tail": _cut_history,
    "entries_tail": _cut_entries,
}
