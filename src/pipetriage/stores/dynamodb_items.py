"""What one incident looks like in the DynamoDB table: its items, made and read without asking anybody."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import msgspec
import zstandard

from pipetriage.model.incident import Incident, to_json
from pipetriage.stores.comparing import leaf, text_of, warned_tables
from pipetriage.stores.dynamodb_table import Item, Key
from pipetriage.stores.verdict_digest import verdict_digest

KIND = "INCIDENT"
"""``kind`` of every head: the partition of the indexes that go over all incidents."""

HEAD = "HEAD"
REVISION = "REV#"
REVIEW = "REVIEW#"

# An item may have 400 KB, names included, counted after compression:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
_INLINE_BYTES = 256 * 1024
_PART_BYTES = 350_000

# DynamoDB deletes what has expired within some days, in any order. A head must go before what it leads to.
_GRACE = timedelta(days=7)

_LONGEST_KEY = 1000
"""Bytes of a name within a key: a sort key may have 1024."""


def short(name: str) -> str:
    """Give a name as it may stand in a key: one that is empty or too long by its hash."""
    if 0 < len(name.encode(errors="replace")) <= _LONGEST_KEY:
        return name
    return "sha256:" + hashlib.sha256(name.encode(errors="replace")).hexdigest()


def partition(incident_id: str) -> str:
    """Give the partition in which everything of one incident is."""
    return f"INCIDENT#{short(incident_id)}"


def head_key(incident_id: str) -> Key:
    """Give the key of what is known of an incident now."""
    return partition(incident_id), HEAD


def numbered(kind: str, number: int) -> str:
    """Give a sort key whose order as text is the number's."""
    return f"{kind}{number:08d}"


def id_of(item: Item) -> str:
    """Give the incident of an item that holds but its keys."""
    return str(item["pk"]).removeprefix("INCIDENT#")


def revision_of(incident: Incident, token: str, document: bytes | None, parts: int) -> Item:
    """Make the item of a verdict, without its number: the incident's document, and what the head will say of it."""
    held = {"document": document} if document is not None else {}
    head = {
        "kind": KIND,
        "incident_id": short(incident.incident_id),
        "job_run_id": short(incident.job_run_id),
        "pipeline_name": short(incident.pipeline_name),
        "category": incident.failure_category.value,
        "fingerprint": short(incident.fingerprint),
        "batch_key": short(incident.batch_key),
        "safe_to_retry": incident.safe_to_retry,
        "started_at": text_of(incident.started_at) if incident.started_at else "",
        "attempt": incident.attempt,
        "verdict": verdict_digest(incident),
        "unsafe_tables": sorted(warned_tables(incident)),
    }
    created = text_of(incident.created_at)
    return {
        "pk": partition(incident.incident_id),
        "token": token,
        "seen": created,
        "parts": parts,
        "head": head,
        **held,
    }


def advanced(head: Item | None, revision: Item) -> Item:
    """Give the head once it has come to a revision."""
    return {**revision["head"], **seen(head, revision["seen"]), "revision": revision["revision"]}


def seen(head: Item | None, moment: str) -> Item:
    """Give what one more triage changes in a head, whatever it says."""
    known = head or {"triages": 0, "first_seen": moment, "last_seen": moment}
    return {
        "triages": known["triages"] + 1,
        "first_seen": min(known["first_seen"], moment),
        "last_seen": max(known["last_seen"], moment),
    }


def place(head: Item) -> str:
    """Order the attempts of one batch by start, then attempt number, then first triage, then id."""
    return f"{head['started_at']}#{head['attempt']:010d}#{head['first_seen']}#{head['incident_id']}"


def warnings(head: Item, incident: str, expires: int | None) -> list[Item]:
    """Make one item for each table of a head whose readers must be warned; ``incident`` is the head's partition."""
    names: dict[str, list[str]] = {}
    for name in head["unsafe_tables"]:
        names.setdefault(leaf(name), []).append(name)
    told = without_none({"unsafe": True, "revision": head["revision"], "expires_at": expires})
    return [{**warning_key(table, incident), "names": full, **told} for table, full in names.items()]


def warning_key(table: str, incident: str) -> dict[str, str]:
    """Give the key of the warning of one incident (its partition) under the last part of a table's name."""
    return {"pk": warned(table), "sk": incident}


def warned(table: str) -> str:
    """Give the partition of all warnings under the last part of a table's name."""
    return f"TABLE#{short(table)}"


def compressed(incident: Incident) -> list[bytes]:
    """Compress an incident's document; cut it where one item cannot hold it."""
    # What the store computes at reading is not kept: it would be stale.
    kept = msgspec.structs.replace(incident, superseded_by=None, review=None)
    data = zstandard.compress(to_json(kept))
    if len(data) <= _INLINE_BYTES:
        return [data]
    return [data[start : start + _PART_BYTES] for start in range(0, len(data), _PART_BYTES)]


def part_key(revision: Item, number: int) -> Key:
    """Give the key of one part of a document that one item cannot hold."""
    return revision["pk"], numbered(f"PART#{revision['token']}#", number)


class Expiry:
    """When items may be deleted, as the number of seconds that DynamoDB's time to live takes; None: never."""

    def __init__(self, days: int | None) -> None:
        self._lifetime = timedelta(days=days) if days else None

    def of_head(self, last_seen: str) -> int | None:
        """Count from the last triage."""
        return self._after(last_seen, timedelta())

    def of_rest(self, last_seen: str) -> int | None:
        """Let what a head leads to outlive it."""
        return self._after(last_seen, _GRACE)

    def _after(self, last_seen: str, more: timedelta) -> int | None:
        if self._lifetime is None:
            return None
        return int((datetime.fromisoformat(last_seen) + self._lifetime + more).timestamp())


def without_none(item: dict[str, Any]) -> Item:
    """Leave out what has no value: an item has no empty attributes."""
    return {name: value for name, value in item.items() if value is not None}
