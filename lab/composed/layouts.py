"""Records as log streams, in the layouts of Glue 4.0 and 5.0 and the ways in which people export them."""

import json
from datetime import timedelta
from typing import Any

from lab.composed.records import Record
from lab.composed.world import World
from tools.starter_blocks import millis

_LIMIT = 1_900
"""Bytes that a case keeps of one executor's stream: what a person exports is cut somewhere too."""
_LONG = 6_500
"""Characters of messages from which on a log is kept as plain text: an event a line would double it."""


def streams(world: World, records: list[Record]) -> dict[tuple[str, str], list[Record]]:
    """Sort the records into (group, stream) as the job's Glue version and settings do."""
    old, run = world.glue == "4.0", world.run
    sorted_records: dict[tuple[str, str], list[Record]] = {}
    for record in sorted(records, key=lambda one: one.at):
        if record.side.startswith("output"):
            place = ("output", run if old else f"{run}-driver")
        elif record.side == "executor":
            executor = 1 + int(record.at * 7) % 3
            if old:
                place = ("logs-v2", f"{run}-{executor}") if world.continuous else ("error", run)
            else:
                place = ("error", f"{run}-executor{executor}")
        elif old:
            # Continuous logging takes the driver's log; Glue's own launcher still writes to the plain stream.
            launcher = record.logger in {"ProcessLauncher", "GlueExceptionAnalysisListener"}
            place = ("logs-v2", f"{run}-driver") if world.continuous and not launcher else ("error", run)
        else:
            place = ("error", f"{run}-driver")
        sorted_records.setdefault(place, []).append(record)
    return sorted_records


def _line(world: World, record: Record, number: int) -> str:
    if not record.logger:
        return record.message
    at = world.started + timedelta(seconds=record.at)
    if world.glue == "4.0":
        return f"{at:%y/%m/%d %H:%M:%S} {record.level} {record.logger}: {record.message}"
    stamp = f"{at:%Y-%m-%dT%H:%M:%S},{at.microsecond // 1000:03d}"
    return (
        f"{record.level:<5} {stamp}\t{int(record.at * 1000)}\t{record.logger}\t[main]\t{60 + number % 900}\t"
        f"{record.message}"
    )


def _events(world: World, stream: str, records: list[Record]) -> list[dict[str, Any]]:
    events = []
    for number, record in enumerate(records):
        text = _line(world, record, number)
        at = millis(world.started + timedelta(seconds=record.at))
        # From 5.0 on further lines of a record are events of their own.
        parts = [text + "\n"] if world.glue == "4.0" else text.split("\n")
        events += [{"timestamp": at, "message": part, "logStreamName": stream} for part in parts]
    return events


def _kept(records: list[Record]) -> list[Record]:
    """Keep what fits of an executor's stream, its end first."""
    size = 0
    kept: list[Record] = []
    for record in reversed(records):
        size += len(record.message) + 170
        if size > _LIMIT and kept:
            break
        kept.append(record)
    return kept[::-1]


def files(world: World, records: list[Record]) -> dict[str, str]:
    """Write the log's files: JSON lines, ``{"events": […]}`` or plain text, one way for the whole case."""
    way = world.random.choice(("jsonl", "text", "events"))
    if sum(len(record.message) for record in records) > _LONG:
        way = "text"
    written = {}
    for (group, stream), found in sorted(streams(world, records).items()):
        kept = _kept(found) if "executor" in stream or stream[-2:-1] == "-" else found
        folder = f"logs/aws-glue/jobs/{group}"
        short = stream.removeprefix(world.run).lstrip("-") or "run"
        if way == "text":
            lines = [_line(world, record, number).rstrip("\n") for number, record in enumerate(kept)]
            written[f"{folder}/{stream}.log"] = "\n".join(lines) + "\n"
        elif way == "events":
            events = _events(world, stream, kept)
            rows = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
            written[f"{folder}/{short}.json"] = f'{{"events": [\n{rows}\n],\n"searchedLogStreams": []}}\n'
        else:
            rows = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in _events(world, stream, kept))
            written[f"{folder}/{short}.jsonl"] = rows
    return written
