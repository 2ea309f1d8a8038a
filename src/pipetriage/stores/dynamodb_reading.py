"""Reading incidents from the DynamoDB table, and how each stands among the others. See dynamodb.py."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice

import msgspec
import zstandard

from pipetriage.errors import StoreError
from pipetriage.model.incident import Incident, Recurrence, from_json
from pipetriage.model.review import Review
from pipetriage.stores.dynamodb_items import (
    KIND,
    REVIEW,
    REVISION,
    head_key,
    id_of,
    numbered,
    part_key,
    partition,
    short,
)
from pipetriage.stores.dynamodb_table import Item, OwnTable, each
from pipetriage.stores.interface import Incidents

Pairs = list[tuple[Item, Incident]]
"""Incidents with their heads."""


class Reading:
    """Questions to the table; nothing is changed."""

    def __init__(self, table: OwnTable) -> None:
        self._table = table

    def find(self, reference: str) -> list[str]:
        """Give the ids that a reference names; an exact id or run id beats a prefix."""
        if not reference:
            return []
        if self._table.get(head_key(reference)) is not None:
            return [reference]
        runs = sorted(id_of(item) for item in self._table.query(short(reference), "by_run"))
        if runs or short(reference) != reference:
            return runs[:6]
        return [id_of(item) for item in islice(self._table.query(KIND, "by_id", begins=reference, page=6), 6)]

    def heads(self, ids: Iterable[str]) -> list[Item]:
        """Read the heads of those that are there, as they are now."""
        return [head for head in each(self._table.get, [head_key(one) for one in ids]) if head is not None]

    def load(self, heads: Iterable[Item]) -> Incidents:
        """Read the incidents behind heads."""
        heads = [*heads]
        found = zip(heads, each(self.document, heads), strict=True)
        return self.present([(head, incident) for head, incident in found if incident is not None])

    def document(self, head: Item) -> Incident | None:
        """Read the latest verdict of a head as it was written; None: it has expired."""
        revision = self._table.get((head["pk"], numbered(REVISION, head["revision"])))
        return self.incident(revision) if revision is not None else None

    def incident(self, revision: Item) -> Incident | None:
        """Read a revision's document; None: some of it has expired."""
        pieces = [revision.get("document", b"")]
        for number in range(revision["parts"]):
            part = self._table.get(part_key(revision, number))
            if part is None:
                return None
            pieces.append(part["document"])
        try:
            return from_json(zstandard.decompress(b"".join(pieces)))
        except (zstandard.ZstdError, msgspec.DecodeError, ValueError) as error:
            raise StoreError(
                f"the store {self._table.place} holds an incident that this version cannot read ({error}): "
                "use the pipetriage that wrote it, or another store with --store URL"
            ) from error

    def last_review(self, incident_id: str) -> Item | None:
        """Read the latest review of an incident."""
        return next(self._table.query(partition(incident_id), begins=REVIEW, newest_first=True, page=1), None)

    def reviews(self, incident_id: str) -> list[Review]:
        """Read all reviews of an incident, the latest first."""
        items = self._table.query(partition(incident_id), begins=REVIEW, newest_first=True)
        return [msgspec.json.decode(item["document"], type=Review) for item in items]

    def present(self, pairs: Pairs) -> Incidents:
        """Fill in what the incident's own document cannot hold: recurrence, the later attempt, the latest review."""
        heads = [head for head, _ in pairs]
        recurrences = self._recurrences({incident.fingerprint for _, incident in pairs}, heads)
        latest = self.latest_attempts({short(incident.batch_key) for _, incident in pairs}, heads)
        marked = sorted({incident.incident_id for head, incident in pairs if head.get("reviewed")})
        judged = dict(zip(marked, each(self.last_review, marked), strict=True))
        presented = []
        for _, incident in pairs:
            last = latest.get(short(incident.batch_key))
            review = judged.get(incident.incident_id)
            presented.append(
                msgspec.structs.replace(
                    incident,
                    recurrence=recurrences.get(incident.fingerprint, incident.recurrence),
                    superseded_by=last if last != short(incident.incident_id) else None,
                    review=msgspec.json.decode(review["document"], type=Review) if review else None,
                )
            )
        return presented

    def _recurrences(self, fingerprints: set[str], heads: list[Item]) -> dict[str, Recurrence]:
        wanted = sorted(fingerprints)
        found: dict[str, Recurrence] = {}
        for fingerprint, runs in zip(wanted, each(self._index("by_fingerprint", heads), wanted), strict=True):
            if runs:
                found[fingerprint] = Recurrence(
                    count=len(runs),
                    first_seen=datetime.fromisoformat(min(one["first_seen"] for one in runs)),
                    last_seen=datetime.fromisoformat(max(one["last_seen"] for one in runs)),
                    last_resolution=None,
                )
        return found

    def latest_attempts(self, batch_keys: set[str], heads: list[Item]) -> dict[str, str]:
        """Give each batch's latest incident."""
        wanted = sorted(batch_keys)
        attempts = zip(wanted, each(self._index("by_batch", heads), wanted), strict=True)
        return {batch: id_of(max(some, key=lambda one: str(one["place"]))) for batch, some in attempts if some}

    def _index(self, name: str, heads: list[Item]) -> Callable[[str], list[Item]]:
        """Give a question to an index that knows at least of these heads, which it may still be behind of."""
        attribute = {"by_fingerprint": "fingerprint", "by_batch": "batch_key"}[name]

        def ask(value: str) -> list[Item]:
            known = {head["pk"]: head for head in heads}
            others = (item for item in self._table.query(short(value), name) if item["pk"] not in known)
            return [*others, *(head for head in known.values() if head[attribute] == short(value))]

        return ask
