"""Turns a captured bundle into a case: neutral locations, Glue's log streams, labels beside it."""

import gzip
import json
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

from lab.spark.keep import NotNeutralError, as_yaml
from lab.spark.recorded.feeds import columns_of
from lab.spark.recorded.labels import labels
from lab.spark.recorded.lake import Lake
from lab.spark.recorded.play import Played
from lab.spark.recorded.process import ROOT, VENVS
from lab.spark.recorded.program import Program
from lab.spark.recorded.rows import history

_LISTINGS = frozenset({"listing.json", "source.json", "source.previous.json"})
MOST_BYTES = 90_000
# What a thinner log leaves out: the scheduler's INFO records, and what Glue may also be set not to write: its insight
# line, and the launcher's copy of a traceback that is in the program's own stream anyway.
_PRUNED = re.compile(r"(?:\S+ \S+ )?INFO\b.{0,90}\b(?:DAGScheduler|PythonRunner|TaskSetManager|broadcast|Starting job)")
_COPIES = ("GlueExceptionAnalysisListener", "ProcessLauncher")


def make_case(played: Played, program: Program, folder: Path, cases: Path) -> Path:
    """Write the case of a variant; one that is too big with a thinner log.

    Raises:
        NotNeutralError: a file still names this machine.
    """
    case = _make_case(played, program, folder, cases, thin=False)
    return case if size_of(case) <= MOST_BYTES else _make_case(played, program, folder, cases, thin=True)


def _make_case(played: Played, program: Program, folder: Path, cases: Path, *, thin: bool) -> Path:
    """Write the case.

    Raises:
        NotNeutralError: a file still names this machine.
    """
    lake = Lake(folder / "platform", program, program.variants[played.number])
    case, bundle, neutral = cases / played.case, folder / "bundle", Neutral(lake)
    shutil.rmtree(case, ignore_errors=True)
    for source in sorted(path for path in bundle.rglob("*") if path.is_file()):
        name = str(source.relative_to(bundle))
        if name == "logs/driver.jsonl":
            for stream, text in _streams(source, played, lake, thin=thin).items():
                _keep(case / stream, neutral.text(text), neutral)
        elif source.suffix == ".gz":
            text = neutral.text(gzip.decompress(source.read_bytes()).decode("utf-8", "replace"))
            neutral.check(text, source)
            _path(case / name).write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            text = neutral.text(source.read_text(encoding="utf-8"))
            _keep(case / name, _as_s3(text) if source.name in _LISTINGS else text, neutral)
    _add_signals(case, played, program, lake)
    (case / "expected.yaml").write_text(as_yaml(labels(played, program)), encoding="utf-8")
    return case


def size_of(case: Path) -> int:
    """Give a case's bytes."""
    return sum(path.stat().st_size for path in case.rglob("*") if path.is_file())


def _keep(path: Path, text: str, neutral: "Neutral") -> None:
    neutral.check(text, path)
    _path(path).write_text(text, encoding="utf-8")


def _path(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


class Neutral:
    """Rewrites what is this machine's own."""

    def __init__(self, lake: Lake) -> None:
        scheme, bucket = r"(?:file:(?://)?)?", lake.domain.bucket
        folder, company = re.escape(str(lake.folder)), f"{bucket}.example"
        remote = f"webhdfs://namenode.{company}:9870/input"
        rules = [
            (scheme + folder + "/warehouse", f"s3://{bucket}-lake"),
            (scheme + folder + "/input", remote if lake.program.source.startswith("{hdfs}") else f"s3://{bucket}-raw"),
            (scheme + folder + "/raw_events", f"s3://{bucket}-ops/spark-logs"),
            (folder + "/scripts", "/tmp"),  # noqa: S108 - where Glue puts a job's script
            (scheme + re.escape(str(lake.scratch)), "/tmp"),  # noqa: S108 - where a Glue job works
            (scheme + folder, f"s3://{bucket}-ops"),
            (scheme + re.escape(str(lake.folder.parents[2] / "drivers")) + r"/[\w.]+", "/tmp"),  # noqa: S108 - the same
            (r"http://(?:127\.0\.0\.1|localhost):\d+/api", f"https://rates.{company}"),
            (r"http://(?:127\.0\.0\.1|localhost):\d+/iceberg", "https://glue.eu-west-1.amazonaws.com/iceberg"),
            (r"http://(?:127\.0\.0\.1|localhost):\d+/webhdfs", f"http://namenode.{company}:9870/webhdfs"),
            (r"(webhdfs:/*)(?:127\.0\.0\.1|localhost):\d+", rf"\g<1>namenode.{company}:9870"),
            (r"http://(?:127\.0\.0\.1|localhost):\d+", "https://dynamodb.eu-west-1.amazonaws.com"),
            (r"(?:localhost/)?127\.0\.0\.1", "10.20.3.15"),
            (r"OS info Linux, [^,\s]+, ", "OS info Linux, 6.1.0, "),
        ]
        for venv in VENVS.values():
            packages = re.escape(str(venv)) + r"/lib/python3\.\d+/site-packages"
            rules += [(packages + "/pyspark", "/opt/spark/python/pyspark"), (packages, "/home/hadoop/site-packages")]
            rules += [(re.escape(str(venv)) + "/bin", "/usr/bin")]
        rules.append((re.escape(sys.base_prefix), "/usr"))
        rules.append((re.escape(str(ROOT / "build/spark-jars")), "/usr/share/aws/iceberg/lib"))
        self._rules = [(re.compile(pattern), new) for pattern, new in rules]
        own = [re.escape(str(ROOT)), r"file:/(?!/?\.\.\.)", r"/root\b", r"127\.0\.0\.1", r"pyenv"]
        host = socket.gethostname()
        self._own = re.compile("|".join(own + ([rf"\b{re.escape(host)}\b"] if len(host) > 3 else [])))

    def text(self, text: str) -> str:
        """Rewrite a file's text."""
        for pattern, neutral in self._rules:
            text = pattern.sub(neutral, text)
        return text

    def check(self, text: str, path: Path) -> None:
        """Refuse what still tells where it was made.

        Raises:
            NotNeutralError: it does.
        """
        if found := self._own.search(text):
            raise NotNeutralError(f"{path}: …{text[max(0, found.start() - 60) : found.end() + 60]}…")


def _streams(captured: Path, played: Played, lake: Lake, *, thin: bool) -> dict[str, str]:
    """Lay the captured log out in the groups and streams of the Glue version, each event with its time."""
    texts = [json.loads(line)["message"] for line in captured.read_text(encoding="utf-8").splitlines()]
    spans = [one[2].count("\n") + 1 for one in played.lines]
    if sum(spans) != len(texts):
        # A value over several lines was redacted into one: the lines as they were (their data is invented).
        texts = [part for one in played.lines for part in one[2].split("\n")]
    found: dict[str, list[str]] = {}
    rest = iter(texts)
    old = lake.variant.glue == "4.0"
    for (at, own, _), span in zip(played.lines, spans, strict=True):
        lines = [next(rest) for _ in range(span)]
        if thin and _left_out(lines[0], own=own, old=old):
            continue
        group = "output" if own else "error"
        # The stream's name is the file's: an export of one stream a file.
        stream = played.run_id if old or own else f"{played.run_id}-driver"
        name = f"logs/aws-glue/jobs/{group}/{stream}.jsonl"
        # Glue 4.0's agent sends a line an event, the newer one a record.
        for message in lines if old else ["\n".join(lines)]:
            event = json.dumps({"timestamp": at, "message": message}, ensure_ascii=False)
            found.setdefault(name, []).append(event)
    return {name: "\n".join(events) + "\n" for name, events in found.items()}


def _left_out(line: str, *, own: bool, old: bool) -> bool:
    if own:
        return False
    return bool(_PRUNED.match(line)) or any(name in line for name in (_COPIES[:1] if old else _COPIES))


def _as_s3(text: str) -> str:
    """Write a listing as list-objects-v2 does: the bucket's name, keys without it."""
    listing: dict[str, Any] = json.loads(text)
    if not str(listing.get("Prefix", "")).startswith("s3://"):
        return text
    bucket, _, prefix = str(listing["Prefix"]).removeprefix("s3://").partition("/")
    listing |= {"Name": bucket, "Prefix": prefix}
    for member in listing.get("Contents", ()):
        member["Key"] = member["Key"].removeprefix(f"s3://{bucket}/")
    return json.dumps(listing, indent=1) + "\n"


def _add_signals(case: Path, played: Played, program: Program, lake: Lake) -> None:
    """Add what a platform has and the embedded sources cannot read: a crawler's schema, history, data quality."""
    path = case / "bundle.json"
    bundle: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    added: dict[str, Any] = {}
    there = program.feed.format in {"csv", "parquet"} and not program.feed.absent
    if there and lake.variant.declared and (columns := columns_of(lake, lake.failing)):
        added["source/schema.json"] = {"columns": columns}
        bundle["gaps"] = [one for one in bundle["gaps"] if one["source"] != "source_schema"]
    if lake.variant.history:
        added["history.json"] = history(case, lake)
        bundle["not_asked"] = [one for one in bundle["not_asked"] if one != "history"]
    if program.quality is not None:
        result = json.loads(lake.words(json.dumps(program.quality)))
        added["data_quality/results.json"] = [result | {"JobName": lake.domain.job, "JobRunId": played.run_id}]
        bundle["not_asked"] = [one for one in bundle["not_asked"] if one != "data_quality"]
    for name, document in added.items():
        _path(case / name).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    path.write_text(json.dumps(bundle, indent=1) + "\n", encoding="utf-8")
