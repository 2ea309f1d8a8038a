"""Requests to a model and its answers, kept as files for whoever must show later what was sent and said.

    <folder>/2026-11-22/20261122T030405123456Z-inc_0a1b2c-5f3e9c1d2b4a.json

Nothing else in the folder is ever touched. Files older than wanted are deleted each time that one is kept.
"""

import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from pipetriage.model.proposal import Failure, Use

MAX_BYTES = 4 * 1024 * 1024
"""Of one record; a request has some 16 KB, an answer at most 256."""

MAX_DAYS = 36_500.0
"""Longer is as long as this."""

_DELETED_AT_ONCE = 1_000
"""Files deleted each time that one is kept, at most."""

# Ids of incidents are hashes, but no name of a file is made of what was not looked at.
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FILE = re.compile(r"\.?\d{8}T\d{12}Z-[A-Za-z0-9_-]{1,80}-[0-9a-f]{12}\.json(?:\.part)?")


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One question put to a model and what came of it."""

    model: str
    """As in the settings (``bedrock:…``)."""
    prompt_version: str
    instructions: str
    """The system text."""
    text: str
    """The user text."""
    answer: str | None = None
    """What it said, as it came; None: nothing."""
    failure: Failure | None = None
    at: datetime
    """When it was asked (UTC)."""
    use: Use = Use()


class Audit:
    """Keeps records below a folder; without one it keeps nothing. Safe for several threads and processes."""

    def __init__(
        self, folder: Path | None, days: float, redact: Callable[[str], str], now: Callable[[], datetime]
    ) -> None:
        """Keep records for so many days. ``redact`` is passed every text once more: a model may have put together a
        secret that stood in pieces in what it was shown."""
        self._folder = folder
        # A date has an end, a setting need not have one.
        self._days = max(0.0, min(days, MAX_DAYS))
        self._redact = redact
        self._now = now

    def keep(self, incident_id: str, record: AuditRecord) -> str | None:
        """Keep a record; give why that was not possible, in one sentence, or None.

        Never raises for a disk that is full, read-only or not there: a verdict does not wait for it.
        """
        if self._folder is None:
            return None
        if not _ID.fullmatch(incident_id):
            return "the request to the model was not kept: the incident's id cannot be part of a file's name"
        now = self._now().astimezone(UTC)
        try:
            self._write(self._folder, now, incident_id, self._encoded(incident_id, record))
            self._delete_old(self._folder, now)
        except OSError as error:
            why = error.strerror or type(error).__name__
            return f"the request to the model was not kept in {self._folder} ([reasoning] requests): {why}"
        return None

    def _encoded(self, incident_id: str, record: AuditRecord) -> bytes:
        document = self._redacted({"incident_id": incident_id, **msgspec.to_builtins(record)})
        encoded = msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
        if len(encoded) <= MAX_BYTES:
            return encoded
        shorter = {
            key: value[: MAX_BYTES // 16] if isinstance(value, str) else value for key, value in document.items()
        }
        return msgspec.json.format(msgspec.json.encode({**shorter, "cut": True}), indent=1) + b"\n"

    def _redacted(self, value: Any) -> Any:
        if isinstance(value, str):
            # A lone surrogate, which a model can be made to say, is no text that a file can hold.
            return self._redact(value.encode("utf-8", "replace").decode())
        if isinstance(value, dict):
            return {key: self._redacted(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._redacted(one) for one in value]
        return value

    def _write(self, folder: Path, now: datetime, incident_id: str, data: bytes) -> None:
        """Write a file that is there whole or not at all, readable by its owner only."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        day = folder / now.date().isoformat()
        with suppress(FileExistsError):
            day.mkdir(mode=0o700)
        if day.is_symlink():
            raise NotADirectoryError(0, f"{day.name} in it is a link")
        name = f"{now:%Y%m%dT%H%M%S%f}Z-{incident_id}-{secrets.token_hex(6)}.json"
        part = day / f".{name}.part"
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            part.rename(day / name)
        except OSError:
            with suppress(OSError):
                part.unlink()
            raise

    def _delete_old(self, folder: Path, now: datetime) -> None:
        """Delete files of ours that are older than wanted, and the folders of days that are then empty."""
        oldest = now - timedelta(days=self._days)
        left = _DELETED_AT_ONCE
        with os.scandir(folder) as found:
            days = sorted(one.name for one in found if _is_day(one))
        for day in days:
            if left <= 0 or day > oldest.date().isoformat():
                return
            left -= _delete_in(folder / day, oldest, left)


def _is_day(entry: "os.DirEntry[str]") -> bool:
    if not _DAY.fullmatch(entry.name) or not entry.is_dir(follow_symlinks=False):
        return False
    try:
        date.fromisoformat(entry.name)
    except ValueError:
        return False
    return True


def _delete_in(day: Path, oldest: datetime, most: int) -> int:
    """Delete what is older, by the time in its name; give how many files that were."""
    with os.scandir(day) as found:
        names = [one.name for one in found if _FILE.fullmatch(one.name) and one.is_file(follow_symlinks=False)]
    old = sorted(name for name in names if name.lstrip(".")[:22] < f"{oldest:%Y%m%dT%H%M%S%f}Z")[:most]
    for name in old:
        # Another process may have been quicker.
        with suppress(FileNotFoundError):
            (day / name).unlink()
    if day.name < oldest.date().isoformat():
        # One that holds anything else stays.
        with suppress(OSError):
            day.rmdir()
    return len(old)
