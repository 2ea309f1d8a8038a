"""The gate: a scheduler asks whether it may retry a run or read a table, and obeys.

It fails closed: whatever keeps it from an answer is a no, with the reason. It never acts: a yes is only noted, so that
the same run is not retried twice.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Literal, NamedTuple

from pipetriage.errors import PipetriageError, StoreError
from pipetriage.model.categories import Category
from pipetriage.model.gate import GateAnswer, ReadAnswer
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Output
from pipetriage.model.tables import same_table, table_name
from pipetriage.stores.interface import GrantResult, IncidentStore
from pipetriage.verdict.visible import visible_harm

AGAIN_SECONDS = 60
"""When a caller may ask again whose answer was not there in time: what was slow may be quick by then."""
ENGINE_SECONDS = 120
"""When a caller may ask again who was blocked because the engine is about to retry, or something is still running."""

_NOTING_SECONDS = 10.0
"""How long a yes may take to be noted once it is decided. If it takes longer the caller is told no, and the run's one
retry may be used up by it: a person can then allow another."""

_PASSES = frozenset({"RUN_IN_FLIGHT", "ENGINE_WILL_RETRY"})
"""Rules that stop holding without anybody doing anything."""


class Gatekeeper:
    """Answers schedulers. Safe for several threads and processes."""

    def __init__(
        self,
        triage: Callable[[str], Incident],
        store: Callable[[], IncidentStore],
        now: Callable[[], datetime],
        *,
        readers: Literal["closed", "open"] = "closed",
        written: Mapping[str, Sequence[Output]] = MappingProxyType({}),
        at_once: int = 64,
    ) -> None:
        """Take what is asked.

        ``triage`` collects afresh and keeps the incident, or raises; ``store`` gives the store, or raises StoreError;
        ``written`` are the outputs that pipelines declare, by name; of more than ``at_once`` triages none is begun.
        """
        self._triage = triage
        self._store = store
        self._now = now
        self._readers = readers
        self._written = written
        self._room = threading.BoundedSemaphore(at_once)

    def ask(
        self, target: str, asker: str, *, repeats: bool = False, can_wait: bool = False, looks: bool = False
    ) -> GateAnswer:
        """Answer whether a run may be retried now. A yes is given once for each failed run.

        ``repeats``: the asker asks no second time for another retry, but because an answer was lost, and gets it again,
        if the run is still safe to retry as seen now.
        ``can_wait``: the asker can put a retry off, so that a yes may come with ``retry_after_seconds``, and holds from
        then on. Only where nothing but time is waited for: whether a source is whole is seen once it has come.
        ``looks``: no new yes is given, and none used up; only one that was given to the same asker before.

        Raises:
            PipetriageError: the run could not be triaged, or the yes not be noted: there is none.
        """
        return self._answer(_Question(target, asker, repeats, can_wait, looks), _Hour())

    def ask_within(
        self,
        target: str,
        seconds: float,
        asker: str,
        *,
        repeats: bool = False,
        can_wait: bool = False,
        looks: bool = False,
    ) -> GateAnswer:
        """Do the same, and answer in so many seconds at the latest; what cannot be answered is a no. Never raises.

        A triage that takes longer goes on, and its incident is kept. It notes no yes that nobody was given.
        """
        question = _Question(target, asker, repeats, can_wait, looks)
        hour, found = _Hour(), list[GateAnswer]()

        def work() -> None:
            found.append(self._careful(question, hour))

        thread = threading.Thread(target=work, name="gate", daemon=True)
        thread.start()
        try:
            thread.join(seconds)
            if not found and not hour.strike():
                thread.join(_NOTING_SECONDS)  # a yes is being noted: a moment more
        except BaseException:
            hour.strike()  # Ctrl-C: who hears no answer must not have used the retry up
            raise
        if found:
            return found[0]
        why = f"pipetriage had no answer within {seconds:g} s: do not retry automatically"
        return _no("NO_ANSWER_IN_TIME", why, wait=AGAIN_SECONDS)

    def read(self, table: str) -> ReadAnswer:
        """Answer whether part of a failed batch may be visible in a table. Never raises."""
        try:
            stored = self._store().unsafe_readers(table)
            harms = [(one, visible_harm(one, table, self._written.get(one.pipeline_name, ()))) for one in stored]
        except StoreError as error:
            return self._unreadable(table, str(error))
        found = [(incident, harm) for incident, harm in harms if harm is not None]
        if found:
            _, harm = found[0]
            incidents = [incident for incident, _ in found]
            return ReadAnswer(table=table, allowed=False, rule=harm.rule, reason=harm.why, incidents=incidents)
        name = table_name(table)
        reason = "no open incident leaves part of a batch in it"
        outputs = [one for some in self._written.values() for one in some]
        if not any(same_table(table_name(one.table), name) for one in outputs):
            reason += ", and no declared pipeline writes it: nothing is known of who does"
        return ReadAnswer(table=table, allowed=True, rule="CLEAR", reason=reason, incidents=[])

    def read_within(self, table: str, seconds: float) -> ReadAnswer:
        """Do the same, and answer in so many seconds at the latest: a store may hang."""
        found: list[ReadAnswer] = []
        thread = threading.Thread(target=lambda: found.append(self.read(table)), name="read", daemon=True)
        thread.start()
        thread.join(seconds)
        return found[0] if found else self._unreadable(table, f"the store did not answer within {seconds:g} s")

    def _unreadable(self, table: str, why: str) -> ReadAnswer:
        allowed = self._readers == "open"
        reason = f"whether it holds part of a batch cannot be told ({why}); [gate] readers is {self._readers!r}"
        return ReadAnswer(table=table, allowed=allowed, rule="CANNOT_TELL", reason=reason, incidents=[])

    def _careful(self, question: "_Question", hour: "_Hour") -> GateAnswer:
        try:
            return self._answer(question, hour)
        except PipetriageError as error:
            return _no("CANNOT_ANSWER", f"{error}; do not retry automatically")
        except Exception as error:  # noqa: BLE001 - a scheduler is answered whatever breaks; it is told what did
            return _no("CANNOT_ANSWER", f"a defect of pipetriage ({type(error).__name__}); do not retry automatically")

    def _answer(self, question: "_Question", hour: "_Hour") -> GateAnswer:
        if not self._room.acquire(blocking=False):
            return _no(
                "BUSY", "too many runs are being triaged; do not retry automatically, ask again", wait=AGAIN_SECONDS
            )
        try:
            incident = self._triage(question.target)
        finally:
            self._room.release()
        refusal = _refusal(incident)
        waiting = self._waiting(incident) if refusal is None else None
        if waiting is not None and not (question.can_wait and _only_time(incident)):
            refusal = waiting
        if refusal is not None:
            return refusal
        store = self._store()
        if incident.superseded_by:
            why = f"a later attempt of the batch has the incident {incident.superseded_by}: ask for that run"
            return _no("LATER_ATTEMPT", why, incident)
        with hour.deciding() as in_time:
            if not in_time:
                return _no("NO_ANSWER_IN_TIME", "the answer came too late for whoever asked", incident)
            grant = self._grant(store, incident, question)
        if grant is None:
            why = f"every rule holds, but no retry of this run was allowed to {question.asker}, who only looks"
            return _no("NOT_GIVEN", why, incident)
        if not grant.granted and not (question.repeats and grant.granted_to == question.asker):
            why = f"one retry was allowed at {grant.granted_at:%Y-%m-%d %H:%M} UTC to {grant.granted_to}"
            return _no("ALREADY_ALLOWED", why, incident)
        why, wait = "every rule holds; this is the one retry that is allowed for this run", None
        if waiting is not None:
            why, wait = f"{why}, once it has waited: {waiting.reason}", waiting.retry_after_seconds
        return GateAnswer(allowed=True, rule="ALLOWED", reason=why, retry_after_seconds=wait, incident=incident)

    def _grant(self, store: IncidentStore, incident: Incident, question: "_Question") -> GrantResult | None:
        if question.looks:
            return store.granted_retry(incident.incident_id)
        # Who gave no name is nobody's equal: a name that happens to be the same is no second ask.
        by = question.asker if question.repeats else f"{question.asker} (unnamed)"
        return store.grant_retry(incident.incident_id, incident.job_run_id, self._now(), by)

    def _waiting(self, incident: Incident) -> GateAnswer | None:
        """Say what a retry has to wait for; None: nothing."""
        wait, awaited = incident.rerun.retry_after_seconds, incident.rerun.wait_for
        if awaited and not _only_time(incident):
            return _no("WAITING", f"still waiting for {awaited}", incident, wait)
        if awaited and wait and incident.ended_at is not None:
            left = wait - (self._now() - incident.ended_at).total_seconds()
            if left > 0:
                return _no("WAITING", f"{awaited} needs time to recover", incident, int(left) + 1)
        return None


class _Question(NamedTuple):
    """See ``Gatekeeper.ask``."""

    target: str
    asker: str
    repeats: bool
    can_wait: bool
    looks: bool


def _only_time(incident: Incident) -> bool:
    """Whether what a retry waits for passes by itself. A source may come in part, or as something else."""
    return incident.failure_category is not Category.SOURCE_DELAY


class _Hour:
    """Until when an answer counts. What is decided before it strikes stands; after that nothing is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._struck = False
        self._decided = False

    def strike(self) -> bool:
        """End it; False: it was being decided, and that stands."""
        with self._lock:
            if self._decided:
                return False
            self._struck = True
            return True

    def deciding(self) -> "_Hour":
        """Decide within the block, unless it is too late."""
        return self

    def __enter__(self) -> bool:
        with self._lock:
            self._decided = not self._struck
            return self._decided

    def __exit__(self, *_: object) -> None:
        """Nothing more is to be done: what was decided stands."""


def _refusal(incident: Incident) -> GateAnswer | None:
    if not incident.safe_to_retry:
        broken = next((one for one in (*incident.rerun.reasons, *incident.retry_reasons) if not one.holds), None)
        rule, why = (broken.rule, broken.why) if broken else ("NOT_SAFE", "not safe to retry")
        wait = incident.rerun.retry_after_seconds or (ENGINE_SECONDS if rule in _PASSES else None)
        return _no(rule, why, incident, wait)
    if incident.later_attempts:
        why = f"{incident.later_attempts[-1]} is a later attempt of the batch: ask for that run"
        return _no("LATER_ATTEMPT", why, incident)
    return None


def _no(rule: str, reason: str, incident: Incident | None = None, wait: int | None = None) -> GateAnswer:
    return GateAnswer(allowed=False, rule=rule, reason=reason, retry_after_seconds=wait, incident=incident)
