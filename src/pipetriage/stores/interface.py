"""What every incident store does."""

from datetime import datetime
from typing import Protocol

import msgspec

from pipetriage.model.access import Access
from pipetriage.model.archive import Archive
from pipetriage.model.categories import Category
from pipetriage.model.deliveries import Deliveries
from pipetriage.model.incident import Incident
from pipetriage.model.model_memory import ModelMemory
from pipetriage.model.review import Review

Incidents = list[Incident]
"""Named, because inside the store's class ``list`` is a method."""
Reviews = list[Review]


class GrantResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request for the one retry that a failed run may have."""

    granted: bool
    """True for the first request only."""
    granted_at: datetime
    """When the retry was granted: now, or to whoever came first."""
    granted_to: str


class IncidentStore(Protocol):
    """Append-only incidents: a revision, once written, never changes.

    Every method raises ``StoreError`` when the store cannot be read or written. Safe for several processes
    at once. What a store returns has ``recurrence``, ``superseded_by`` and ``review`` as of the moment of reading.
    """

    def save(self, incident: Incident) -> Incident:
        """Record one triage of a run.

        The first one of a run makes the incident. A later one adds a revision when its verdict differs from
        the latest, and is only counted when it does not.
        """
        ...

    def get(self, reference: str) -> Incident:
        """Give the latest revision by incident id, a prefix of one, or a run id.

        Raises:
            TargetError: nothing, or more than one incident, goes by that reference.
        """
        ...

    def history(self, incident_id: str) -> Incidents:
        """List all revisions of one incident, oldest first; empty when it is unknown."""
        ...

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
        """List the latest revisions, the most recently opened incident first; ``limit`` None: all.

        ``unsafe_only`` keeps those that are not safe to retry; ``open_only`` those that no later attempt of
        their batch supersedes; ``reviewed_only`` those that a person has judged.
        """
        ...

    def incidents_of_batch(self, batch_key: str) -> Incidents:
        """List the incidents of one batch, the latest attempt first."""
        ...

    def with_fingerprint(self, fingerprint: str, limit: int) -> Incidents:
        """List the incidents of the same failure, in whatever batch, the most recently opened first."""
        ...

    def unsafe_readers(self, table: str) -> Incidents:
        """List the incidents for which a reader of the table may see part of a batch, or nobody can tell.

        Only the latest incident of each batch counts: PARTIAL, UNCERTAIN or UNOBSERVED, or COMPLETE by the commits of
        several attempts, which may be there twice. Table names are compared
        without case, and a name qualified by its catalog or database matches the shorter one.
        """
        ...

    def grant_retry(self, incident_id: str, job_run_id: str, granted_at: datetime, by: str) -> GrantResult:
        """Grant the one retry of a failed run, atomically; a second request learns when and to whom it went."""
        ...

    def granted_retry(self, incident_id: str) -> GrantResult | None:
        """Tell when and to whom the one retry was granted; None: to nobody. ``granted`` is False: it gives none."""
        ...

    def add_review(self, incident_id: str, review: Review) -> Incident:
        """Record a person's judgement beside earlier ones, and give the incident with it.

        Raises:
            TargetError: there is no such incident.
        """
        ...

    def reviews(self, incident_id: str) -> Reviews:
        """List all reviews of an incident, the latest first; empty when it is unknown."""
        ...

    def model_memory(self) -> ModelMemory:
        """Give what is kept beside the incidents about asking a model, for all processes that use this store."""
        ...

    def deliveries(self) -> Deliveries:
        """Give what is on its way to people, for all processes that use this store."""
        ...

    def archive(self) -> Archive:
        """Give what answers about many incidents at once.

        Raises:
            StoreError: this kind of store cannot.
        """
        ...

    def access(self) -> Access:
        """Give who may ask the service.

        Raises:
            StoreError: this kind of store cannot keep it.
        """
        ...
