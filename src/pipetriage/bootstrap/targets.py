"""Where a run's evidence is read: a target's name to a collector, and the guarded sessions of the account."""

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pipetriage.configuration import CONFIG_NAME
from pipetriage.errors import ConfigError, UsageError
from pipetriage.model.evidence import Signal
from pipetriage.model.incident import Incident
from pipetriage.model.pipeline import Pipeline
from pipetriage.settings import AwsSettings, Settings
from pipetriage.sources.interface import Collector

if TYPE_CHECKING:
    from pipetriage.aws.session import AwsSession
    from pipetriage.model.success import Look


BUNDLED_RUN = "glue/job_run.json"
"""The locator of a run that a bundle made by hand tells of: a file of it."""


def now() -> datetime:
    """Give the time, UTC."""
    return datetime.now(UTC)


class Targets:
    """The runs that the settings can read; ``base`` is what their relative paths are of."""

    def __init__(self, settings: Settings, pipelines: dict[str, Pipeline], base: Path) -> None:
        self.settings = settings
        self.pipelines = pipelines
        self.base = base
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

    @staticmethod
    def is_run(target: str) -> bool:
        """Whether a target is a run, of which somebody waits to hear, and not a folder that may be of any time."""
        return target.startswith(("local:", "glue:", "jr_", "https://")) and not os.path.lexists(target)

    def target_of(self, incident: Incident) -> str | None:
        """Name an incident's run again, as it may be asked about; None where it came as a bundle. Nothing is asked."""
        name, run = incident.pipeline_name, incident.job_run_id
        own = next((one for one in incident.evidence if one.source == Signal.JOB_RUN), None)
        if own is None or own.locator == BUNDLED_RUN or "/" in run:
            return None
        if self.is_local(name):
            return f"local:{name}/{run}"
        pipeline = self.pipelines.get(name)
        return f"glue:{(pipeline.glue_job if pipeline else None) or name}/{run}" if run.startswith("jr_") else None

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
            *(self.aws(region), self.pipeline_of(job), run_id, settings.aws, settings.settle, self.base), now=now
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
        return aws == AwsSettings() or (self.base / runs / (pipeline.glue_job or pipeline.name)).is_dir()

    def recent_runs(self, name: str, count: int) -> list[str]:
        """Give the targets of the last ended runs of a declared pipeline or a Glue job, newest first.

        Raises:
            PipetriageError: there is none, or they cannot be asked for.
        """
        from pipetriage.sources.recent_runs import recent_glue_runs, recent_local_runs

        pipeline = self.pipelines.get(name) or self.pipeline_of(name)
        job = pipeline.glue_job or pipeline.name
        if self.is_local(name):
            folder = self.base / str(self.settings.local.runs) / job
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
        return LocalRun(pipeline, run_id, self.settings.local, self.base, now=now, log_bytes=log_bytes)

    def check(self, job: str, run_id: str, region: str | None = None) -> "Look":
        """Look cheaply at a run that succeeded: is there a reason to triage it? Reads about a dozen answers of AWS.

        Raises:
            TargetError: the run is not known, may not be read, or did not succeed.
            CredentialsError: AWS does not know us.
        """
        from pipetriage.silent import look
        from pipetriage.sources.glue_success import GlueSuccess

        pipeline, settings = self.pipeline_of(job), self.settings
        success = GlueSuccess(self.aws(region), pipeline, run_id, settings.aws, settings.settle, now=now).look()
        return look(success, pipeline, settings.thresholds)

    def capture(self, target: str, folder: Path) -> list[Path]:
        """Write a run's evidence as a redacted bundle and give the files written.

        Raises:
            PipetriageError: the target cannot be read at all, or the folder is not empty.
        """
        from pipetriage.capture import write_bundle

        return write_bundle(self.collector(target).collect(), folder)
