"""Incidents in one DynamoDB table, for several machines and Lambda functions at once.

Items (``pk`` partition key, ``sk`` sort key):

====================  ====================  ==========================================================================
``pk``                ``sk``                what
====================  ====================  ==========================================================================
``INCIDENT#<id>``     ``HEAD``              what is known now: its attributes are the keys of all indexes
``INCIDENT#<id>``     ``REV#<number>``      one verdict, never changed: the compressed document
``INCIDENT#<id>``     ``PART#<token>#<n>``  a piece of a document that one item (400 KB) cannot hold
``INCIDENT#<id>``     ``REVIEW#<number>``   one review, never changed
``INCIDENT#<id>``     ``GRANT``             the one retry of the run
``TABLE#<leaf>``      ``INCIDENT#<id>``     readers of a table are to be warned: its full names, the revision
``BUDGET#``, …                              what asking models has cost, and their answers: dynamodb_memory.py
``DELIVERY#``, …                            what is on its way to people: dynamodb_deliveries.py
====================  ====================  ==========================================================================

Access patterns:

=============================  =======================================================================================
question                       key or index
=============================  =======================================================================================
an incident, its history       GetItem of the head, then of its revision; Query ``REV#``
by a prefix of its id          ``by_id`` (``kind``, ``incident_id``)
by run                         ``by_run`` (``job_run_id``)
newest first, of one pipeline  ``by_time`` (``kind``, ``first_seen``), ``by_pipeline`` (``pipeline_name``,
                               ``first_seen``); category, unsafe and reviewed are filters
attempts of a batch, latest    ``by_batch`` (``batch_key``, ``place``)
how often an error recurred,   ``by_fingerprint`` (``fingerprint``, ``first_seen``)
and in which incidents
may this table be read         Query ``TABLE#<leaf>``, each answer checked against its head
=============================  =======================================================================================

Without transactions, which the guard could not check table by table, a save is made of single-item writes that are
safe to be cut off anywhere. A verdict counts from the moment that ``REV#<number>`` is put where there was none; the
head is then advanced to it by whoever comes next, if the one who put it did not live to do so. Warnings of tables
are written before the head and taken back after it, so that a reader is never told too little.

Heads, revisions, reviews, grants and warnings are read as they are now. Indexes lag, mostly by well under a second:
a list, a count or ``superseded_by`` may not yet know of what another process saved that moment.

``kind`` puts all incidents into one partition of ``by_time`` and ``by_id``, which DynamoDB lets take 1,000 writes a
second: as many triages.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice
from typing import Self

import msgspec

from pipetriage.errors import StoreError, TargetError
from pipetriage.model.access import Access
from pipetriage.model.archive import Archive
from pipetriage.model.categories import Category
from pipetriage.model.deliveries import Deliveries
from pipetriage.model.incident import Incident
from pipetriage.model.model_memory import ModelMemory
from pipetriage.model.review import Review
from pipetriage.model.tables import same_table, table_name
from pipetriage.stores.comparing import leaf, not_one, text_of
from pipetriage.stores.dynamodb_deliveries import DynamoDBDeliveries
from pipetriage.stores.dynamodb_items import (
    KIND,
    REVIEW,
    REVISION,
    Expiry,
    advanced,
    compressed,
    head_key,
    id_of,
    numbered,
    part_key,
    partition,
    place,
    revision_of,
    seen,
    short,
    warned,
    warning_key,
    warnings,
    without_none,
)
from pipetriage.stores.dynamodb_memory import DynamoDBMemory
from pipetriage.stores.dynamodb_reading import Reading
from pipetriage.stores.dynamodb_table import Item, OwnTable, parse_place
from pipetriage.stores.dynamodb_tries import tries
from pipetriage.stores.interface import GrantResult, Incidents, Reviews
from pipetriage.stores.verdict_digest import verdict_digest

_PORTION = 100
"""Incidents that a list without a limit puts together at a time."""

_NEEDS_SQL = (
    'pages, search, trends and tokens need a store in SQLite or PostgreSQL (store = "postgresql+psycopg://…"): '
    "this one is in DynamoDB, which has no search and no sums"
)


class DynamoDBStore:
    """An incident store in one DynamoDB table."""

    def __init__(self, table: OwnTable, expiry: Expiry) -> None:
        self._table = table
        self._reading = Reading(table)
        self._expiry = expiry
        self.place = table.place
        """Where the store is, for a person."""

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a store; whether the table is there shows with the first question. See ``open_store``."""
        named = parse_place(url)
        return cls(OwnTable(named), Expiry(named.ttl_days))

    def save(self, incident: Incident) -> Incident:
        """See ``IncidentStore.save``."""
        digest, moment, draft = verdict_digest(incident), text_of(incident.created_at), None
        for _ in tries():
            head = self._table.get(head_key(incident.incident_id))
            if head is not None and head["verdict"] == digest and self._kept_longer(head, moment):
                if counted := self._change_head(incident.incident_id, head, seen(head, moment)):
                    return self._reading.present([(counted, incident)])[0]
                continue
            draft = draft or self._draft(incident, head)
            number = head["revision"] + 1 if head is not None else 1
            mine = {**draft, "sk": numbered(REVISION, number), "revision": number}
            first = self._table.put_new(mine)
            if first is not None:
                # Whoever put it is most likely at it; we only finish what was left behind.
                head = self._table.get(head_key(incident.incident_id))
            now = self._advance(incident.incident_id, head, first or mine)
            if first is None and now is not None:
                return self._reading.present([(now, incident)])[0]
        raise self._busy(incident.incident_id)

    def get(self, reference: str) -> Incident:
        """See ``IncidentStore.get``."""
        ids = self._reading.find(reference)
        heads = [self._table.get(head_key(one)) for one in ids] if len(ids) == 1 else []
        found = self._reading.load(head for head in heads if head is not None)
        if not found:
            raise TargetError(not_one(reference, ids if len(ids) > 1 else []))
        return found[0]

    def history(self, incident_id: str) -> Incidents:
        """See ``IncidentStore.history``."""
        head = self._table.get(head_key(incident_id))
        if head is None:
            return []
        revisions = self._table.query(partition(incident_id), begins=REVISION)
        made = [(head, self._reading.incident(one)) for one in revisions if one["revision"] <= head["revision"]]
        return self._reading.present([(head, incident) for head, incident in made if incident is not None])

    def list(
        self,
        *,
        pipeline: str | None = None,
        category: Category | None = None,
        unsafe_only: bool = False,
        open_only: bool = False,
        reviewed_only: bool = False,
        limit: int | None = 50,
    ) -> Incidents:
        """See ``IncidentStore.list``."""
        where: Item = {"category": category.value} if category is not None else {}
        where |= {"safe_to_retry": False} if unsafe_only else {}
        where |= {"reviewed": True} if reviewed_only else {}
        value, index = (KIND, "by_time") if pipeline is None else (short(pipeline), "by_pipeline")
        portion = min(limit or _PORTION, _PORTION)
        # One more, to see that no other was first seen in the same moment as the last.
        page = None if limit is None else portion + 1
        heads = _newest_first(self._table.query(value, index, where=where, newest_first=True, page=page))
        found: Incidents = []
        while (limit is None or len(found) < limit) and (some := [*islice(heads, portion)]):
            found += [
                incident
                for incident in self._reading.load(some)
                if not (open_only and incident.superseded_by) and not (reviewed_only and incident.review is None)
            ]
        return found[:limit]

    def incidents_of_batch(self, batch_key: str) -> Incidents:
        """See ``IncidentStore.incidents_of_batch``."""
        entries = self._table.query(short(batch_key), "by_batch", newest_first=True)
        heads = [head for head in self._reading.heads(map(id_of, entries)) if head["batch_key"] == short(batch_key)]
        return self._reading.load(sorted(heads, key=lambda head: str(head["place"]), reverse=True))

    def with_fingerprint(self, fingerprint: str, limit: int) -> Incidents:
        """See ``IncidentStore.with_fingerprint``."""
        entries = self._table.query(fingerprint, "by_fingerprint", newest_first=True, page=limit)
        return self._reading.load(self._reading.heads(map(id_of, islice(entries, limit))))

    def unsafe_readers(self, table: str) -> Incidents:
        """See ``IncidentStore.unsafe_readers``."""
        name = table_name(table)
        told = self._table.query(warned(leaf(name)), where={"unsafe": True})
        ids = [one["sk"].removeprefix("INCIDENT#") for one in told if any(same_table(n, name) for n in one["names"])]
        heads = [head for head in self._reading.heads(ids) if any(same_table(n, name) for n in head["unsafe_tables"])]
        latest = self._reading.latest_attempts({head["batch_key"] for head in heads}, heads)
        found = self._reading.load(head for head in heads if latest[head["batch_key"]] == head["incident_id"])
        return sorted(found, key=lambda incident: incident.created_at, reverse=True)

    def grant_retry(self, incident_id: str, job_run_id: str, granted_at: datetime, by: str) -> GrantResult:
        """See ``IncidentStore.grant_retry``."""
        asked: Item = {"pk": partition(incident_id), "sk": "GRANT", "token": uuid.uuid4().hex}
        asked |= {"granted_run": job_run_id, "granted_at": text_of(granted_at), "granted_to": by}
        first = self._table.put_new(asked)
        if first is None:
            return GrantResult(granted=True, granted_at=granted_at, granted_to=by)
        at = datetime.fromisoformat(first["granted_at"])
        return GrantResult(granted=False, granted_at=at, granted_to=first["granted_to"])

    def granted_retry(self, incident_id: str) -> GrantResult | None:
        """See ``IncidentStore.granted_retry``."""
        item = self._table.get((partition(incident_id), "GRANT"))
        if item is None:
            return None
        at = datetime.fromisoformat(item["granted_at"])
        return GrantResult(granted=False, granted_at=at, granted_to=item["granted_to"])

    def add_review(self, incident_id: str, review: Review) -> Incident:
        """See ``IncidentStore.add_review``."""
        # First the mark, by which lists find it: a mark without a review is passed over, not so a review without one.
        head = self._table.update(head_key(incident_id), {"reviewed": True}, "attribute_exists(#pk)")
        incident = self._reading.document(head) if head is not None else None
        if head is None or incident is None:
            raise TargetError(not_one(incident_id, []))
        row = {"pk": partition(incident_id), "token": uuid.uuid4().hex, "document": msgspec.json.encode(review)}
        for _ in tries():
            last = self._reading.last_review(incident_id)
            number = last["number"] + 1 if last else 0
            if self._table.put_new({**row, "sk": numbered(REVIEW, number), "number": number}) is None:
                return self._reading.present([(head, incident)])[0]
        raise self._busy(incident_id)

    def reviews(self, incident_id: str) -> Reviews:
        """See ``IncidentStore.reviews``."""
        return self._reading.reviews(incident_id)

    def archive(self) -> Archive:
        """See ``IncidentStore.archive``; there is none here."""
        raise StoreError(_NEEDS_SQL)

    def access(self) -> Access:
        """See ``IncidentStore.access``; there is none here."""
        raise StoreError(_NEEDS_SQL)

    def model_memory(self) -> ModelMemory:
        """See ``IncidentStore.model_memory``."""
        return DynamoDBMemory(self._table)

    def deliveries(self) -> Deliveries:
        """See ``IncidentStore.deliveries``."""
        return DynamoDBDeliveries(self._table)

    def _draft(self, incident: Incident, head: Item | None) -> Item:
        """Make a revision without its number; a document that is too long for it is written beside it, first."""
        pieces = compressed(incident)
        if len(pieces) == 1:
            draft = revision_of(incident, uuid.uuid4().hex, pieces[0], 0)
        else:
            draft = revision_of(incident, uuid.uuid4().hex, None, len(pieces))
        expires = self._expiry.of_rest(seen(head, draft["seen"])["last_seen"])
        draft = without_none({**draft, "expires_at": expires})
        for number, piece in enumerate(pieces if draft["parts"] else ()):
            pk, sk = part_key(draft, number)
            self._table.put(without_none({"pk": pk, "sk": sk, "document": piece, "expires_at": expires}))
        return draft

    def _advance(self, incident_id: str, head: Item | None, revision: Item) -> Item | None:
        """Bring a head to the revision after it, unless somebody already did; None: try again later."""
        for _ in tries():
            if head is not None and head["revision"] >= revision["revision"]:
                return head
            changes = advanced(head, revision)
            if head is None:
                # A head that expired leaves its reviews behind.
                changes["reviewed"] = self._reading.last_review(incident_id) is not None
            self._warn(changes, incident_id)
            if now := self._change_head(incident_id, head, changes):
                self._take_back(head, now)
                return now
            head = self._table.get(head_key(incident_id))
        return None

    def _change_head(self, incident_id: str, head: Item | None, changes: Item) -> Item | None:
        """Write a head anew if it is still the one that was read: every save counts in ``triages``."""
        pk, sk = head_key(incident_id)
        now = {"pk": pk, "sk": sk, **(head or {}), **changes}
        now |= {"place": place(now), "expires_at": self._expiry.of_head(now["last_seen"])}
        now = without_none(now)
        if head is None:
            return now if self._table.put(now, "attribute_not_exists(#pk)") else None
        same = "#triages = :triages AND #reviewed = :reviewed"
        was = {"triages": head["triages"], "reviewed": head["reviewed"]}
        return now if self._table.put(now, same, was) else None

    def _warn(self, head: Item, incident_id: str) -> None:
        for one in warnings(head, partition(incident_id), self._expiry.of_rest(head["last_seen"])):
            newer = "attribute_not_exists(#pk) OR #revision <= :revision"
            self._table.put(one, newer, {"revision": head["revision"]})

    def _take_back(self, before: Item | None, now: Item) -> None:
        """Mark the warnings of tables that are no longer unsafe; should it fail, readers still check the head."""
        still = {leaf(name) for name in now["unsafe_tables"]}
        for table in {leaf(name) for name in (before or {"unsafe_tables": []})["unsafe_tables"]} - still:
            key = warning_key(table, now["pk"])
            changes = {"unsafe": False, "revision": now["revision"]}
            self._table.update((key["pk"], key["sk"]), changes, "#revision < :revision")

    def _kept_longer(self, head: Item, moment: str) -> bool:
        """Let what a head leads to live as long as the head will; False: it has expired, and is to be written again."""
        last_seen = seen(head, moment)["last_seen"]
        expires = self._expiry.of_rest(last_seen)
        if expires is None and "expires_at" not in head:
            return True
        lifetime = {"expires_at": expires}
        key = (head["pk"], numbered(REVISION, head["revision"]))
        revision = self._table.update(key, lifetime, "attribute_exists(#pk)")
        if revision is None:
            return False
        self._warn({**head, "last_seen": last_seen}, id_of(head))
        parts = (part_key(revision, number) for number in range(revision["parts"]))
        return all(self._table.update(part, lifetime, "attribute_exists(#pk)") for part in parts)

    def _busy(self, incident_id: str) -> StoreError:
        return StoreError(f"the store {self.place} is too busy to take {incident_id}: try again")


def _newest_first(items: Iterable[Item]) -> Iterator[Item]:
    """Put incidents that were first seen in the same moment into the order of their ids, as every store does."""
    for _, some in groupby(items, key=lambda item: str(item["first_seen"])):
        yield from sorted(some, key=lambda item: str(item["incident_id"]))
