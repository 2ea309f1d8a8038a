"""Settings to a wired triage: the only place that reads pipetriage.toml and builds clients."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipetriage.configuration import CONFIG_NAME, found_config, read_config, read_remote_config
from pipetriage.errors import ConfigError, MissingExtraError, PipetriageError, StoreError, UsageError
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.proposal import Failure, ModelFault
from pipetriage.model.write_state import Reason
from pipetriage.settings import AwsSettings, Settings
from pipetriage.sources.interface import Collector
from pipetriage.sources.remembered import Remembered
from pipetriage.stores.interface import IncidentStore
from pipetriage.triage import Triage, Triaged
from pipetriage.verdict.classifier import OBJECTIONS, objection_of
from pipetriage.verdict.gate import GateAnswer

if TYPE_CHECKING:
    from pipetriage.aws.session import AwsSession
    from pipetriage.model.deliveries import Delivery
    from pipetriage.model.success import Look
    from pipetriage.notifiers.sending import Sent
    from pipetriage.reasoning.classifier import ModelClassifier
    from pipetriage.reasoning.interface import Endpoint
    from pipetriage.reasoning.request import Request
    from pipetriage.telling import Teller


def _now() -> datetime:
    return datetime.now(UTC)


class App:
    """A wired program: settings, pipelines, store, and the two questions that can be asked of a run."""

    def __init__(
        self, settings: Settings, pipelines: dict[str, Pipeline], base: Path, store: IncidentStore | None
    ) -> None:
        self.settings = settings
        self.pipelines = pipelines
        self.store = store
        self.store_error: str | None = None
        """Why the last incident could not be stored; None when it was, or was not meant to be."""
        self.evidence_error: str | None = None
        """The same for its evidence."""
        self.route_error: str | None = None
        """Why nobody could be told of the last incident."""
        self._base = base
        self._sessions: dict[str, AwsSession] = {}
        self._opening = threading.Lock()

    def collector(self, target: str) -> Collector:
        """Choose how to collect a target's evidence.

        Raises:
            UsageError: the target is of no known kind.
        """
        from pipetriage.sources.bundle import BundleCollector

        if target.startswith("local:"):
            return self._local(target.removeprefix("local:"))
        if target.startswith(("glue:", "jr_", "https://")) and not os.path.lexists(target):
            return self._glue(target)
        return BundleCollector(Path(target), self.settings.settle, log_bytes=self.settings.context.log_bytes)

    def _glue(self, target: str) -> Collector:
        # boto3 takes 0.3 s to import, and is an extra.
        from pipetriage.sources.glue_target import find_job, read_target

        wanted = read_target(target)
        aws = self.aws(wanted.region)
        declared = [one.glue_job or one.name for one in self.pipelines.values()]
        job = wanted.job or find_job(aws, wanted.run_id, declared)
        return self.glue_run(job, wanted.run_id, wanted.region)

    def glue_run(self, job: str, run_id: str, region: str | None = None) -> Collector:
        """Choose how to collect the evidence of a run in an AWS account; no region: the configured one."""
        from pipetriage.sources.glue_run import GlueRun

        settings = self.settings
        return GlueRun(
            *(self.aws(region), self.pipeline_of(job), run_id, settings.aws, settings.settle, self._base), now=_now
        )

    def declares(self, job: str) -> bool:
        """Whether a declared pipeline is that Glue job's."""
        return any((one.glue_job or one.name) == job for one in self.pipelines.values())

    def pipeline_of(self, job: str) -> Pipeline:
        """Give the pipeline that declares a Glue job; an undeclared one still triages, with gaps for what it lacks."""
        declared = {one.glue_job or one.name: one for one in self.pipelines.values()}
        return declared.get(job) or Pipeline(name=job, glue_job=job)

    def is_local(self, name: str) -> bool:
        """Whether a pipeline's runs are those of ``[local]``: its job's are there, or no account is named."""
        runs, aws = self.settings.local.runs, self.settings.aws
        if not runs or name not in self.pipelines:
            return False
        pipeline = self.pipelines[name]
        return aws == AwsSettings() or (self._base / runs / (pipeline.glue_job or pipeline.name)).is_dir()

    def recent_runs(self, name: str, count: int) -> list[str]:
        """Give the targets of the last ended runs of a declared pipeline or a Glue job, newest first.

        Raises:
            PipetriageError: there is none, or they cannot be asked for.
        """
        from pipetriage.sources.recent_runs import recent_glue_runs, recent_local_runs

        pipeline = self.pipelines.get(name) or self.pipeline_of(name)
        job = pipeline.glue_job or pipeline.name
        if self.is_local(name):
            folder = self._base / str(self.settings.local.runs) / job
            return [f"local:{name}/{run}" for run in recent_local_runs(folder, job, count)]
        return [f"glue:{job}/{run}" for run in recent_glue_runs(self.aws(), job, count)]

    def aws(self, region: str | None = None) -> "AwsSession":
        """Give the guarded session of the account that ``[aws]`` names, one a region.

        Raises:
            MissingExtraError: boto3 is not installed.
            ConfigError: the profile or the region is unknown.
        """
        from pipetriage.aws.session import Access, AwsSession

        named = self.settings.aws
        where = region or named.region or ""
        with self._opening:
            if where not in self._sessions:
                access = Access(
                    profile=named.profile,
                    region=where or None,
                    role_arn=named.role_arn,
                    external_id=named.external_id,
                    endpoint_url=named.endpoint_url,
                )
                # Who we are is the same in every region, and part of an incident's identity: one session finds out.
                self._sessions[where] = AwsSession(access, same_as=self._sessions.get(named.region or ""))
            return self._sessions[where]

    def _local(self, name: str) -> Collector:
        from pipetriage.sources.local import LocalRun

        pipeline_name, separator, run_id = name.partition("/")
        if not separator or not run_id:
            raise UsageError(f"local:{name}: write local:PIPELINE/RUN, or local:PIPELINE/latest")
        pipeline = self.pipelines.get(pipeline_name)
        if pipeline is None:
            known = ", ".join(sorted(self.pipelines)) or "none"
            raise ConfigError(f"pipeline {pipeline_name!r} is not declared in {CONFIG_NAME} (declared: {known})")
        log_bytes = self.settings.context.log_bytes
        return LocalRun(pipeline, run_id, self.settings.local, self._base, now=_now, log_bytes=log_bytes)

    def triage(self, target: str) -> Incident:
        """Triage one run and store the incident; a store that fails leaves the verdict standing.

        Raises:
            PipetriageError: the target is wrong, or cannot be read at all.
        """
        began, collector = _now(), Remembered(self.collector(target))
        return self._stored(self._flow().run(collector), collector, began)

    def follow(self, target: str) -> Triaged:
        """Do the same; what comes with it tells whether a model may still answer (``amend``).

        Raises:
            PipetriageError: the target is wrong, or cannot be read at all.
        """
        began, collector = _now(), Remembered(self.collector(target))
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
        self.store_error = self.evidence_error = None
        if self.store is None:
            return incident
        if self._overtaken(incident, began):
            self.store_error = "this run was triaged on newer evidence meanwhile, and that verdict stands"
            return incident
        try:
            incident = self.store.save(incident)
        except StoreError as error:
            self.store_error = str(error)
        self.evidence_error = self._keep_evidence(collector, incident.incident_id)
        return incident

    @cached_property
    def teller(self) -> "Teller":
        """What tells people, by the channels of the settings."""
        from pipetriage.notifiers.channels import build_channel
        from pipetriage.telling import Teller

        channels = self.settings.channels
        return Teller(
            self.settings.routing, channels, lambda name: build_channel(name, channels[name], os.environ), _now
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

    def triage_and_keep(self, collector: Collector) -> Incident:
        """Triage one run for nobody who waits for the answer: it is kept, and told, or it is an error. Safe for several
        threads.

        Raises:
            StoreError: there is no store, or it did not take the incident.
            PipetriageError: the run cannot be read at all.
        """
        store, began, remembered = self.kept(), _now(), Remembered(collector)
        triaged = self._flow().follow(remembered)
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
        from pipetriage.context.redact import Redactor
        from pipetriage.reasoning.audit import Audit
        from pipetriage.reasoning.breaker import Breaker
        from pipetriage.reasoning.classifier import Desk, ModelClassifier
        from pipetriage.reasoning.memory import InProcessMemory
        from pipetriage.reasoning.tracing import send_traces

        send_traces()
        threading.Thread(target=_prepare, args=(endpoints,), daemon=True).start()
        settings, redact = self.settings.reasoning, Redactor().text
        folder = self._base / settings.requests if settings.requests else None
        desk = Desk(
            memory=self.store.model_memory() if self.store is not None else InProcessMemory(),
            breaker=Breaker(settings.breaker_failures, settings.breaker_seconds, time.monotonic),
            redact=redact,
            audit=Audit(folder, settings.requests_days, redact, _now),
            now=_now,
        )
        return ModelClassifier(endpoints, settings, desk, absent=absent)

    def _flow(self) -> Triage:
        from pipetriage.detectors import RULES_VERSION, all_detectors

        with self._opening:  # several threads triage at once, and share one breaker
            classifier = self.classifier
        return Triage(
            detectors=all_detectors(self.settings.thresholds),
            settings=self.settings,
            rules_version=RULES_VERSION,
            clock=_now,
            timer=time.perf_counter,
            classifier=classifier,
            objection=self._objection,
        )

    @property
    def evidence_folder(self) -> Path | None:
        """Where each triage keeps its evidence, if it does."""
        return self._base / self.settings.evidence if self.settings.evidence else None

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

    def check(self, job: str, run_id: str, region: str | None = None) -> "Look":
        """Look cheaply at a run that succeeded: is there a reason to triage it? Reads about a dozen answers of AWS.

        Raises:
            TargetError: the run is not known, may not be read, or did not succeed.
            CredentialsError: AWS does not know us.
        """
        from pipetriage.silent import look
        from pipetriage.sources.glue_success import GlueSuccess

        pipeline, settings = self.pipeline_of(job), self.settings
        success = GlueSuccess(self.aws(region), pipeline, run_id, settings.aws, settings.settle, now=_now).look()
        return look(success, pipeline, settings.thresholds)

    def capture(self, target: str, folder: Path) -> list[Path]:
        """Write a run's evidence as a redacted bundle and give the files written.

        Raises:
            PipetriageError: the target cannot be read at all, or the folder is not empty.
        """
        from pipetriage.capture import write_bundle

        return write_bundle(self.collector(target).collect(), folder)

    def gate(self, target: str, asker: str | None = None) -> GateAnswer:
        """Answer whether the run may be retried now; an allowance is given once per failed run.

        ``asker`` names one that asks no second time for another retry, but because the answer was lost: an execution.

        Raises:
            PipetriageError: the run could not be triaged.
            StoreError: the allowance could not be recorded, so none is given.
        """
        incident = self.triage(target)

        def answer(allowed: bool, rule: str, reason: str, wait: int | None = None) -> GateAnswer:
            return GateAnswer(allowed=allowed, rule=rule, reason=reason, retry_after_seconds=wait, incident=incident)

        wait = incident.rerun.retry_after_seconds
        if not incident.safe_to_retry:
            broken = next((one for one in (*incident.rerun.reasons, *incident.retry_reasons) if not one.holds), None)
            rule, why = (broken.rule, broken.why) if broken else ("NOT_SAFE", "not safe to retry")
            return answer(False, rule, why, wait)
        if incident.rerun.wait_for and _waits_for_source(incident):
            return answer(False, "WAITING", f"still waiting for {incident.rerun.wait_for}", wait)
        ended = incident.ended_at
        if incident.rerun.wait_for and wait and ended is not None:
            left = wait - (_now() - ended).total_seconds()
            if left > 0:
                return answer(False, "WAITING", f"{incident.rerun.wait_for} needs time to recover", int(left) + 1)
        if self.store is None:
            raise StoreError("the gate needs a store to allow one retry per failed run: leave out --no-store")
        if self.store_error is not None:
            raise StoreError(self.store_error)
        by = asker or os.environ.get("USER") or "pipetriage gate"
        grant = self.store.grant_retry(incident.incident_id, incident.job_run_id, _now(), by)
        if not grant.granted and not (asker and grant.granted_to == asker):
            return answer(
                False,
                "ALREADY_ALLOWED",
                f"one retry was allowed at {grant.granted_at:%Y-%m-%d %H:%M} UTC to {grant.granted_to}",
            )
        return answer(True, "ALLOWED", "every rule holds; this is the one retry that is allowed for this run")


def _prepare(endpoints: "Sequence[Endpoint]") -> None:
    """Import what asking the models takes, some seconds, while the evidence is read."""
    for one in endpoints:
        # Who asks, or where, is not known: the incident will say so as that model's failure.
        with suppress(PipetriageError):
            one.prepare()


def _waits_for_source(incident: Incident) -> bool:
    return incident.failure_category == "SOURCE_DELAY"


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
