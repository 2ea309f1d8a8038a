"""Repeats of one error become one group, in bounded memory however long the log is."""

from collections import OrderedDict
from datetime import datetime

from pipetriage.context.log_records import OpenRecord
from pipetriage.context.patterns import (
    CARRIED_ON,
    EXECUTOR_LOSS,
    IN_THREAD,
    JOB_ENDING_EVENTS,
    LOST_TASK,
    OPAQUE,
    RETRIED,
    SECONDARY,
    TRACEBACK,
    UNCAUGHT,
    VARYING,
)
from pipetriage.context.stack_traces import Trace, data_from

GUESSED = "INFO"
"""The level of what no layout calls an error, and which may be one all the same."""
_KEPT_WARNINGS = 100
_KEPT_LATEST = 100
_KNOWN_TEXTS = 4096
_KEY_CHARACTERS = 300
_DIGITS = str.maketrans("123456789", "000000000")


class Group:
    """One distinct error, raw, with where it stands in the log."""

    def __init__(self, opened: OpenRecord, trace: Trace, stream: str) -> None:
        record = opened.record
        first_line = record.message
        self.level = record.level
        self.logger = record.logger
        self.trace = trace
        self.first_line = first_line
        self.stream = stream
        self.before = opened.before
        """The lines before its first occurrence."""
        self.first_number = opened.number
        self.first_offset = opened.offset
        self.last_number: int | None = None
        self.count = 0
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self.first_seen = self.last_seen = 0
        self.progress = 0
        """Lines of ordinary output before its last occurrence."""
        links = trace.links
        self.link_keys = tuple(link_key(link.name, link.lines[0]) for link in links)
        self.root_key = self.link_keys[-1]
        root = links[-1]
        says = f"{first_line}\n" + "\n".join(f"{link.name}: {link.lines[0]}" for link in links)
        self.named = any(link.name for link in links)
        self.job_ending = trace.event in JOB_ENDING_EVENTS
        self.uncaught = (
            self.job_ending
            or first_line.startswith(TRACEBACK)
            or IN_THREAD.match(first_line) is not None
            or UNCAUGHT.search(first_line) is not None
        )
        self.master = record.logger.endswith("ApplicationMaster")
        self.secondary = SECONDARY.search(f"{root.name}: {root.message[:1000]}\n{first_line[:300]}") is not None
        self.opaque = is_opaque(trace)
        self.executor_loss = EXECUTOR_LOSS.search(says) is not None
        self.retried = RETRIED.search(first_line) is not None
        self.carried_on = not self.uncaught and CARRIED_ON.search(first_line) is not None
        task = LOST_TASK.search(first_line)
        self.task = (task["stage"], task["index"]) if task else None

    @property
    def is_error(self) -> bool:
        """Whether it was logged as an error (or as an analysis of one)."""
        return self.level in ("ERROR", "FATAL") or self.trace.event is not None

    @property
    def guessed(self) -> bool:
        """Whether it is only taken for an error, for want of one."""
        return self.level == GUESSED and self.trace.event is None


class Groups:
    """The distinct errors seen so far: the first ones, and the latest ones."""

    def __init__(self, limit: int) -> None:
        self._limit = max(limit, 1) * 2
        self._first: dict[tuple[object, ...], Group] = {}
        self._latest: OrderedDict[tuple[object, ...], Group] = OrderedDict()
        self._texts: dict[str, Group] = {}
        self._warnings = 0
        self._seen = 0
        self.dropped = 0

    def add(self, opened: OpenRecord, stream: str, progress: int) -> Group | None:
        """Count one occurrence; None when it is a warning beyond those that are kept."""
        self._seen += 1
        record, at = opened.record, opened.at
        text = f"{record.level}\n" + "\n".join([record.message, *opened.lines[1:]]).translate(_DIGITS)
        group = self._texts.get(text)
        if group is None:
            group = self._grouped(opened, stream)
            if group is None:
                return None
            if len(self._texts) < _KNOWN_TEXTS and len(text) < 20_000:
                self._texts[text] = group
        group.count += 1
        group.first_seen = group.first_seen or self._seen
        group.last_seen = self._seen
        group.progress = progress
        group.last_number = opened.number
        if at is not None:
            group.first_at = min(group.first_at or at, at)
            group.last_at = max(group.last_at or at, at)
        return group

    @property
    def any_error(self) -> bool:
        """Whether any of them was logged as an error, or as a warning that names one."""
        return any(group.is_error or group.named for group in self.all())

    def all(self) -> list[Group]:
        """Give the groups in the order in which they first appeared."""
        return sorted([*self._first.values(), *self._latest.values()], key=lambda group: group.first_seen)

    def _grouped(self, opened: OpenRecord, stream: str) -> Group | None:
        group = Group(opened, Trace([opened.record.message, *opened.lines[1:]]), stream)
        warning = not group.is_error
        key = (warning, group.job_ending, group.link_keys[0], group.root_key)
        known = self._first.get(key) or self._latest.get(key)
        if known is not None:
            return known
        if warning and self._warnings >= _KEPT_WARNINGS:
            self.dropped += 1
            return None
        self._warnings += warning
        if len(self._first) < self._limit or warning:
            self._first[key] = group
        else:
            self._latest[key] = group
            if len(self._latest) > _KEPT_LATEST:
                _, gone = self._latest.popitem(last=False)
                self._texts = {text: kept for text, kept in self._texts.items() if kept is not gone}
                self.dropped += 1
        return group


def link_key(name: str, message: str) -> tuple[str, str]:
    """Name an exception without what varies from one occurrence to the next: ids, numbers, the data it failed on."""
    said = message[:_KEY_CHARACTERS]
    return name.rsplit(".", 1)[-1], VARYING.sub("#", said[: data_from(said)]).strip()


def is_opaque(trace: Trace) -> bool:
    """Whether the error only says that something failed."""
    root = trace.links[-1]
    name = root.name.rsplit(".", 1)[-1]
    message = root.message.strip()
    if name == "SystemExit":
        return True
    if name in ("PythonException", "Py4JJavaError", "Py4JError", "CalledProcessError") and len(trace.links) == 1:
        return not message or message.startswith(("An exception was thrown", "An error occurred while calling o"))
    return not name and (not message or OPAQUE.fullmatch(message[:600]) is not None)
