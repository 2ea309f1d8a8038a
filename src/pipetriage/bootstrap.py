"""Settings to a wired triage: the only place that reads pipetriage.toml and builds clients."""

import os
import time
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pipetriage.errors import ConfigError, StoreError, UsageError
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Output, Pipeline
from pipetriage.settings import AwsSettings, Settings
from pipetriage.sources.interface import Collector
from pipetriage.sources.remembered import Remembered
from pipetriage.stores.interface import IncidentStore
from pipetriage.triage import Triage
from pipetriage.verdict.gate import GateAnswer

if TYPE_CHECKING:
    from pipetriage.aws.session import AwsSession

CONFIG_NAME = "pipetriage.toml"


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
        self._base = base
        self._sessions: dict[str, AwsSession] = {}

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
        return BundleCollector(Path(target), self.settings.settle)

    def _glue(self, target: str) -> Collector:
        # boto3 takes 0.3 s to import, and is an extra.
        from pipetriage.sources.glue_run import GlueRun
        from pipetriage.sources.glue_target import find_job, read_target

        wanted = read_target(target)
        aws = self.aws(wanted.region)
        declared = [one.glue_job or one.name for one in self.pipelines.values()]
        job = wanted.job or find_job(aws, wanted.run_id, declared)
        pipeline, settings = self.pipeline_of(job), self.settings
        return GlueRun(aws, pipeline, wanted.run_id, settings.aws, settings.settle, self._base, now=_now)

    def pipeline_of(self, job: str) -> Pipeline:
        """Give the pipeline that declares a Glue job; an undeclared one still triages, with gaps for what it lacks."""
        declared = {one.glue_job or one.name: one for one in self.pipelines.values()}
        return declared.get(job) or self.pipelines.get(job) or Pipeline(name=job, glue_job=job)

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
        if where not in self._sessions:
            self._sessions[where] = AwsSession(
                Access(
                    profile=named.profile,
                    region=where or None,
                    role_arn=named.role_arn,
                    external_id=named.external_id,
                    endpoint_url=named.endpoint_url,
                )
            )
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
        return LocalRun(pipeline, run_id, self.settings.local, self._base, now=_now)

    def triage(self, target: str) -> Incident:
        """Triage one run and store the incident; a store that fails leaves the verdict standing.

        Raises:
            PipetriageError: the target is wrong, or cannot be read at all.
        """
        from pipetriage.detectors import RULES_VERSION, all_detectors

        flow = Triage(
            detectors=all_detectors(self.settings.thresholds),
            settings=self.settings,
            rules_version=RULES_VERSION,
            clock=_now,
            timer=time.perf_counter,
        )
        collector = Remembered(self.collector(target))
        incident = flow.run(collector)
        self.store_error = self.evidence_error = None
        if self.store is None:
            return incident
        try:
            incident = self.store.save(incident)
        except StoreError as error:
            self.store_error = str(error)
        self._keep_evidence(collector, incident.incident_id)
        return incident

    @property
    def evidence_folder(self) -> Path | None:
        """Where each triage keeps its evidence, if it does."""
        return self._base / self.settings.evidence if self.settings.evidence else None

    def _keep_evidence(self, collector: Collector, incident_id: str) -> None:
        if self.evidence_folder is None:
            return
        from pipetriage.capture import keep_bundle

        try:
            keep_bundle(collector.collect(), self.evidence_folder, incident_id)
        except UsageError as error:
            self.evidence_error = str(error)

    def capture(self, target: str, folder: Path) -> list[Path]:
        """Write a run's evidence as a redacted bundle and give the files written.

        Raises:
            PipetriageError: the target cannot be read at all, or the folder is not empty.
        """
        from pipetriage.capture import write_bundle

        return write_bundle(self.collector(target).collect(), folder)

    def gate(self, target: str) -> GateAnswer:
        """Answer whether the run may be retried now; an allowance is given once per failed run.

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
        by = os.environ.get("USER") or "pipetriage gate"
        grant = self.store.grant_retry(incident.incident_id, incident.job_run_id, _now(), by)
        if not grant.granted:
            return answer(
                False,
                "ALREADY_ALLOWED",
                f"one retry was allowed at {grant.granted_at:%Y-%m-%d %H:%M} UTC to {grant.granted_to}",
            )
        return answer(True, "ALLOWED", "every rule holds; this is the one retry that is allowed for this run")


def _waits_for_source(incident: Incident) -> bool:
    return incident.failure_category == "SOURCE_DELAY"


def open_app(
    *,
    config: Path | None = None,
    store_url: str | None = None,
    use_store: bool = True,
    aws: Mapping[str, str | None] | None = None,
) -> App:
    """Read the settings and wire the program. ``aws`` overrides settings of ``[aws]`` where it has a value.

    Raises:
        ConfigError: the settings file is absent though named, or wrong.
    """
    path = config or _found_config()
    settings, pipelines = read_config(path) if path is not None else (Settings(), {})
    given = {name: value for name, value in (aws or {}).items() if value is not None}
    settings = msgspec.structs.replace(settings, aws=msgspec.structs.replace(settings.aws, **given))
    base = path.parent.resolve() if path is not None else Path.cwd()
    store = _open_store(store_url or settings.store) if use_store else None
    return App(settings, pipelines, base, store)


def _open_store(url: str | None) -> IncidentStore:
    from pipetriage.stores import open_store

    return open_store(url)


def _found_config() -> Path | None:
    here = Path.cwd() / CONFIG_NAME
    return here if here.is_file() else None


def read_config(path: Path) -> tuple[Settings, dict[str, Pipeline]]:
    """Read a settings file.

    Raises:
        ConfigError: it is absent, no TOML, or has an unknown or ill-typed setting; the message names it.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist: name a settings file with --config") from error
    except (OSError, UnicodeDecodeError) as error:
        said = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read {path}: {said}: name a settings file with --config") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    declared = document.pop("pipelines", {})
    try:
        settings = msgspec.convert(document, Settings)
        pipelines = msgspec.convert(declared, dict[str, Pipeline])
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}: correct that setting (docs/settings.md)") from error
    for name, one in declared.items():
        _refuse_unknown(one, Pipeline, f"{path}: pipelines.{name}")
        for output in one.get("outputs", ()):
            _refuse_unknown(output, Output, f"{path}: pipelines.{name}.outputs")
    named = {name: msgspec.structs.replace(one, name=one.name or name) for name, one in pipelines.items()}
    return settings, named


def _refuse_unknown(written: dict[str, object], kind: type[msgspec.Struct], place: str) -> None:
    # A bundle may be newer than we are; in a settings file, a misspelled ``other_effects`` must not read as none.
    known = {field.encode_name for field in msgspec.structs.fields(kind)}
    if unknown := sorted(set(written) - known):
        raise ConfigError(f"{place} has no setting {unknown[0]!r}: correct its name (docs/settings.md)")
