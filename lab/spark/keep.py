"""Turns a captured bundle into a case: neutral locations in every file, labels beside it."""

import gzip
import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any

from lab.spark.driver import JOBS, VENV
from lab.spark.labels import case_name, labels
from lab.spark.seed import Result

_BUCKET = "lab"
_WIDTH = 110


class NotNeutralError(Exception):
    """A case would tell where it was made."""


def keep(result: Result, seed_folder: Path, cases: Path) -> Path:
    """Write the case of a seed.

    Raises:
        NotNeutralError: a file still names this machine.
    """
    case = cases / case_name(result)
    shutil.rmtree(case, ignore_errors=True)
    neutral = _Neutral(seed_folder)
    for source in sorted(path for path in (seed_folder / "bundle").rglob("*") if path.is_file()):
        kept = case / source.relative_to(seed_folder / "bundle")
        kept.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".gz":
            text = neutral.text(gzip.decompress(source.read_bytes()).decode("utf-8", "replace"))
            kept.write_bytes(gzip.compress(text.encode(), mtime=0))
        else:
            text = neutral.text(source.read_text(encoding="utf-8"))
            if source.name in {"listing.json", "source.json", "source.previous.json"}:
                text = _as_s3(text)
            kept.write_text(text, encoding="utf-8")
        neutral.check(text, kept)
    (case / "expected.yaml").write_text(as_yaml(labels(result)), encoding="utf-8")
    return case


class _Neutral:
    """Rewrites what is this machine's own."""

    def __init__(self, seed_folder: Path) -> None:
        scheme = r"(?:file:(?://)?)?"
        platform = re.escape(str(seed_folder / "platform"))
        packages = re.escape(str(VENV)) + r"/lib/python3\.\d+/site-packages"
        self._rules = (
            (re.compile(scheme + platform), f"s3://{_BUCKET}"),
            (re.compile(scheme + re.escape(str(seed_folder / "raw_events"))), f"s3://{_BUCKET}/spark-logs"),
            (re.compile(re.escape(str(JOBS))), "/tmp"),  # noqa: S108 - where Glue puts a job's script
            (re.compile(packages + "/pyspark"), "/opt/spark/python/pyspark"),
            (re.compile(packages), "/home/hadoop/site-packages"),
            (re.compile(r"OS info Linux, [^,\s]+, "), "OS info Linux, 6.1.0, "),
        )
        own = [re.escape(str(VENV.parents[1])), r"file:/", r"\broot\b", r"127\.0\.0\.1"]
        host = socket.gethostname()
        own += [rf"\b{re.escape(host)}\b"] if host else []
        self._own = re.compile("|".join(own))

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
            around = text[max(0, found.start() - 60) : found.end() + 60]
            raise NotNeutralError(f"{path}: …{around}…")


def _as_s3(text: str) -> str:
    """Write a listing as list-objects-v2 does: the bucket's name, keys without it."""
    listing: dict[str, Any] = json.loads(text)
    prefix = f"s3://{_BUCKET}/"
    listing["Name"] = _BUCKET
    listing["Prefix"] = str(listing.get("Prefix", "")).removeprefix(prefix)
    for member in listing.get("Contents", ()):
        member["Key"] = member["Key"].removeprefix(prefix)
    return json.dumps(listing, indent=1) + "\n"


def as_yaml(document: dict[str, Any]) -> str:
    """Write the labels as the other cases do."""
    lines = []
    for key, value in document.items():
        if isinstance(value, bool):
            lines.append(f"{key}: {str(value).lower()}")
        elif isinstance(value, list):
            lines.append(f"{key}: [{', '.join(value)}]")
        elif key == "notes":
            lines += [f"{key}: >-", *_wrapped(str(value))]
        else:
            lines.append(f"{key}: {value}")
    return "\n".join(lines) + "\n"


def _wrapped(text: str) -> list[str]:
    import textwrap

    return [f"  {line}" for line in textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)]
