"""The wired program: triage, keep, have told; and the settings that make it."""

import os
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

import msgspec

from pipetriage.bootstrap.targets import Targets, now
from pipetriage.configuration import found_config, read_config, read_remote_config
from pipetriage.errors import MissingExtraError, StoreError, UsageError
from pipetriage.gatekeeper import Gatekeeper
from pipetriage.model.gate import GateAnswer
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.proposal import Failure, ModelFault
from pipetriage.model.write_state import Reason
from pipetriage.settings import Settings
from pipetriage.sources.interface import Collector
from pipetriage.sources.remembered import Remembered
from pipetriage.stores.comparing import warned_tables
from pipetriage.stores.interface import IncidentStore
from pipetriage.triage import Triage, Triaged
from pipetriage.verdict.classifier import OBJECTIONS, objection_of
from pipetriage.verdict.visible import is_closed

if TYPE_CHECKING:
    from pipetriage.model.deliveries import Delivery
    from pipetriage.notifiers.sending import Sent
    from pipetriage.reasoning.classifier import ModelClassifier
    from pipetriage.reasoning.interface import Endpoint
    from pipetriage.reasoning.request import Request
    from pipetriage.telling import Teller


class _Kept(NamedTuple):
    """An incident, and what of it could not be kept, and why."""

    incident: Incident
    error: str | None
    evidence_error: str | None


_OPEN_AT_MOST = 20
"""Of one job, as many of the latest open incidents are asked about before a success is only looked at. Ours."""


class App(Targets):
    """A wired program: settings, pipelines, store, and the two questions that can be asked of a run."""

    def __init__(
        self, settings: Settings, pipelines: dict[str, Pipeline], base: Path, store: IncidentStore | None
    ) -> None:
        super().__init__(settings, pipelines, base)
        self.store = store
        self.store_error: str | None = None
        """Why the last incident could not be stored; None when it was, or was not meant to be."""
        self.evidence_error: str | None = None
        """The same for its evidence."""
        self.route_error: str | None = None
        """Why nobody could be told of the last incident."""

    def triage(self, target: str) -> Incident:
        """Triage one run and store the incident; a store that fails leaves the verdict standing.

        Raises:
            PipetriageError: the target is wrong, or cannot be read at all.
        """
        began, collector = now(), Remembered(self.collector(target))
        return self._stored(self._flow().run(collector), collector, began)

    def follow(self, target: str) -> Triaged:
        """Do the same; what comes with it tells whether a model may still answer (``amend``).

        Raises:
            PipetriageError: the target is wrong, or cannot be read at all.
        """
        began, collector = now(), Remembered(self.collector(target))
        triaged = self._flow().follow(collector)
        return triaged._replace(incident=self._stored(triaged.incident, collector, began))

    def amend(self, triaged: Triaged) -> Incident | None:
        """Wait for a model that was late, and store the incident as amended.

        None if it does not answer, or if the run was triaged anew meanwhile: that verdict rests on newer evidence.

        Raises:
            StoreError: the store did not take it; the verdict that it would have amended stands.
        """
        if triaged.late is None:
            return None
        verdicts = self._verdicts(triaged.incident.incident_id)
        amended = triaged.late.wait(self.settings.reasoning.late_seconds)
        if amended is None or len(self._verdicts(amended.incident_id)) != len(verdicts):
            return None
        return self.store.save(amended) if self.store is not None else amended

    def _verdicts(self, incident_id: str) -> list[Incident]:
        """Give the verdicts kept on a run, oldest first; none where there is no store, or it cannot be read."""
        try:
            return self.store.history(incident_id) if self.store is not None else []
        except StoreError:
            return []

    def _objection(self, incident_id: str) -> Reason | None:
        """Give what a model objected to a retry of the run, in its latest verdict; unreadable counts as objected."""
        if self.store is None:
            return None
        try:
            verdicts = self.store.history(incident_id)
        except StoreError as error:
            if self.settings.model in ("none", []):
                return None  # nobody is asked, and nothing is granted without the store
            why = f"whether a language model objected to a retry before cannot be read: {error}"
            return Reason(rule=OBJECTIONS[0], holds=False, why=why, evidence=[])
        return objection_of(verdicts[-1]) if verdicts else None

    def _overtaken(self, incident: Incident, began: datetime) -> bool:
        """Whether the run was triaged on newer evidence since: a model may have kept this verdict waiting."""
        verdicts = self._verdicts(incident.incident_id)
        return bool(verdicts) and verdicts[-1].created_at > began and verdicts[-1].as_of > incident.as_of

    def _stored(self, incident: Incident, collector: Collector, began: datetime) -> Incident:
        kept = self._keep(incident, collector, began)
        self.store_error, self.evidence_error = kept.error, kept.evidence_error
        return kept.incident

    def _keep(self, incident: Incident, collector: Collector, began: datetime) -> _Kept:
        if self.store is None:
            return _Kept(incident, None, None)
        if self._overtaken(incident, began):
            return _Kept(incident, "this run was triaged on newer evidence meanwhile, and that verdict stands", None)
        error = None
        try:
            incident = self.store.save(incident)
        except StoreError as failed:
            error = str(failed)
        return _Kept(incident, error, self._keep_evidence(collector, incident.incident_id))

    @cached_property
    def teller(self) -> "Teller":
        """What tells people, by the channels of the settings."""
        from pipetriage.drawing.blast_radius import svg
        from pipetriage.notifiers.channels import build_channel
        from pipetriage.telling import Teller

        channels = self.settings.channels
        return Teller(
            self.settings.routing, channels, lambda name: build_channel(name, channels[name], os.environ), now, svg
        )

    def announce(self, incident: Incident) -> "list[Delivery]":
        """Put what is to be told of a stored incident into the outbox; one that fails leaves the verdict standing."""
        self.route_error = None
        if self.store is None or not self.settings.channels:
            return []
        try:
            return self.teller.announce(self.store, incident)
        except StoreError as error:
            self.route_error = str(error)
            return []

    def send(self, seconds: float, stopping: threading.Event | None = None) -> "list[Sent]":
        """Send what is due, of whatever incident, and begin nothing more after so many seconds.

        Raises:
            StoreError: the outbox cannot be read or written.
        """
        if self.store is None or not self.settings.channels:
            return []
        return self.teller.send(self.store, seconds, stopping)

    def request(self, target: str) -> "Request":
        """Give what a model would be asked about a run, whole; none is asked.

        Raises:
            PipetriageError: the target is wrong, or cannot be read at all.
        """
        from pipetriage.reasoning.request import build_request

        rules = self._flow().by_rules(self.collector(target))
        offered = rules.further.kinds if rules.further is not None and self.settings.reasoning.further_evidence else ()
        return build_request(
            rules.context,
            rules.findings,
            input_tokens=self.settings.reasoning.input_tokens,
            offered=frozenset(offered),
        )

    def kept(self) -> IncidentStore:
        """Give the store.

        Raises:
            StoreError: there is none; the message says why.
        """
        if self.store is None:
            raise StoreError(self.store_error or "there is no incident store: name one with --store FILE")
        return self.store

    def open_batches(self, job: str) -> frozenset[str]:
        """Give the keys of a job's batches of which a reader of some table is warned.

        Raises:
            StoreError: the store cannot be read.
        """
        name = self.pipeline_of(job).name
        latest = self.kept().list(pipeline=name, open_only=True, limit=_OPEN_AT_MOST)
        return frozenset(one.batch_key for one in latest if not is_closed(one) and warned_tables(one))

    @overload
    def triage_and_keep(self, collector: Collector) -> Incident: ...

    @overload
    def triage_and_keep(self, collector: Collector, only: frozenset[str]) -> Incident | None: ...

    def triage_and_keep(self, collector: Collector, only: frozenset[str] | None = None) -> Incident | None:
        """Triage one run for nobody who waits for the answer: it is kept, and told, or it is an error. Safe for several
        threads. With ``only``, a run of no such batch is neither kept nor told.

        Raises:
            StoreError: there is no store, or it did not take the incident.
            PipetriageError: the run cannot be read at all.
        """
        store, began, remembered = self.kept(), now(), Remembered(collector)
        triaged = self._flow().follow(remembered)
        if only is not None and triaged.incident.batch_key not in only:
            return None
        if self._overtaken(triaged.incident, began):
            return store.get(triaged.incident.incident_id)
        incident = store.save(triaged.incident)
        self._keep_evidence(remembered, incident.incident_id)
        self.announce(incident)
        try:
            amended = self.amend(triaged._replace(incident=incident))
        except StoreError:
            return incident  # the verdict is kept; that it was not amended loses nothing that a retry rests on
        if amended is not None:
            self.announce(amended)
        return amended or incident

    def endpoints(self) -> "list[Endpoint]":
        """Give the configured models in the order in which they are asked; empty for ``none``.

        Raises:
            ConfigError: a model's name is wrong.
            MissingExtraError: the model extra is not installed.
        """
        if self.settings.model in ("none", []):
            return []
        from pipetriage.reasoning.models import endpoints_of

        return list(endpoints_of(self.settings))

    @cached_property
    def classifier(self) -> "ModelClassifier | None":
        """What asks the configured models; None where there is none. Budgets, memory and breaker are the program's."""
        absent = []
        try:
            endpoints = self.endpoints()
        except MissingExtraError as error:
            # Told in every incident; at three in the morning the rules' verdict is still the answer.
            endpoints, absent = [], [Failure(model="", fault=ModelFault.NOT_INSTALLED, why=str(error))]
        if not endpoints and not absent:
            return None
        from pipetriage.bootstrap.reasoning import model_classifier

        memory = self.store.model_memory() if self.store is not None else None
        return model_classifier(endpoints, self.settings.reasoning, self.base, memory, absent)

    def look_again(self, incident: Incident) -> Incident | None:
        """Triage an incident's run as it is now, by the rules alone, and neither keep nor tell what comes of it.

        None where the run cannot be named again: it came as a bundle, or what its name leads to is another run.

        Raises:
            PipetriageError: the run cannot be read now.
        """
        target = self.target_of(incident)
        if target is None:
            return None
        seen = self._flow(asks=False).run(self.collector(target))
        return seen if seen.incident_id == incident.incident_id else None

    def _flow(self, *, asks: bool = True) -> Triage:
        from pipetriage.detectors import RULES_VERSION, all_detectors

        with self._opening:  # several threads triage at once, and share one breaker
            classifier = self.classifier if asks else None
        return Triage(
            detectors=all_detectors(self.settings.thresholds),
            settings=self.settings,
            rules_version=RULES_VERSION,
            clock=now,
            timer=time.perf_counter,
            classifier=classifier,
            objection=self._objection,
        )

    @property
    def evidence_folder(self) -> Path | None:
        """Where each triage keeps its evidence, if it does."""
        return self.base / self.settings.evidence if self.settings.evidence else None

    def _keep_evidence(self, collector: Collector, incident_id: str) -> str | None:
        """Keep a bundle where the settings say so; give why that was not possible."""
        if self.evidence_folder is None:
            return None
        from pipetriage.capture import keep_bundle

        try:
            keep_bundle(collector.collect(), self.evidence_folder, incident_id)
        except UsageError as error:
            return str(error)
        return None

    def gate(self, target: str, asker: str | None = None) -> GateAnswer:
        """Answer whether the run may be retried now; an allowance is given once per failed run.

        ``asker`` names one that asks no second time for another retry, but because the answer was lost: an execution.

        Raises:
            PipetriageError: the run could not be triaged.
            StoreError: the allowance could not be recorded, so none is given.
        """
        by = asker or os.environ.get("USER") or "pipetriage gate"
        return self.gatekeeper.ask(target, by, repeats=asker is not None)

    @cached_property
    def gatekeeper(self) -> Gatekeeper:
        """What answers schedulers; safe for several threads."""
        written = {name: one.declared_outputs() for name, one in self.pipelines.items()}
        readers = self.settings.gate.readers
        at_once = self.settings.serve.at_once
        return Gatekeeper(self.triage_kept, self.kept, now, readers=readers, written=written, at_once=at_once)

    def triage_kept(self, target: str) -> Incident:
        """Triage, keep and have told, without waiting for a model that is late. Safe for several threads.

        Raises:
            StoreError: the incident could not be kept.
            PipetriageError: the run could not be triaged.
        """
        began, collector = now(), Remembered(self.collector(target))
        kept = self._keep(self._flow().run(collector), collector, began)
        if kept.error is not None:
            raise StoreError(kept.error)
        if self.is_run(target):
            self.announce(kept.incident)
        return kept.incident


def open_app(
    *,
    config: Path | str | None = None,
    store_url: str | None = None,
    use_store: bool = True,
    aws: Mapping[str, str | None] | None = None,
    model: str | None = None,
) -> App:
    """Read the settings and wire the program. ``aws`` overrides settings of ``[aws]`` where it has a value, ``model``
    the model.

    ``config`` is a file, or ``s3://bucket/key``; relative paths in that one are of the working folder.

    Raises:
        ConfigError: the settings file is absent though named, or wrong.
    """
    base = Path.cwd()
    settings, pipelines = Settings(), dict[str, Pipeline]()
    if isinstance(config, str) and config.startswith("s3://"):
        settings, pipelines = read_remote_config(config)
    elif path := config or found_config():
        settings, pipelines = read_config(Path(path))
        base = Path(path).parent.resolve()
    given = {name: value for name, value in (aws or {}).items() if value is not None}
    settings = msgspec.structs.replace(settings, aws=msgspec.structs.replace(settings.aws, **given))
    if model is not None:
        settings = msgspec.structs.replace(settings, model=model)
    store = _open_store(store_url or settings.store) if use_store else None
    return App(settings, pipelines, base, store)


def _open_store(url: str | None) -> IncidentStore:
    from pipetriage.stores import open_store

    return open_store(url)
