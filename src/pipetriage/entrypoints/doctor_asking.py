"""What the doctor asks: store, credentials, permissions, and the evidence of each pipeline's recent runs.

Whatever cannot be asked is a check that failed, or a pipeline's error, and never stops the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.doctor_channels import channel_checks
from pipetriage.entrypoints.doctor_model import model_checks
from pipetriage.entrypoints.opening import open_program
from pipetriage.entrypoints.plain_text import plain
from pipetriage.errors import CredentialsError, PipetriageError, SourceError, StoreError
from pipetriage.readiness.assess import PipelineReport, Readiness, assess
from pipetriage.readiness.checks import Check, refused_reads, routes

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.evidence import Collected
    from pipetriage.stores.interface import IncidentStore


def examine(
    name: str | None,
    runs: int,
    config: Path | None,
    store_url: str | None,
    aws: dict[str, str | None],
    model: str | None = None,
) -> Readiness:
    """Look at one pipeline, or at every declared one, of a program that is opened for it; progress on stderr.

    Raises:
        ConfigError: the settings cannot be read.
    """
    bad: StoreError | None = None
    try:
        app = open_program(config, store_url, aws=aws, model=model)
    except StoreError as error:
        app, bad = open_program(config, store_url, use_store=False, aws=aws, model=model), error
    return examine_program(app, name, runs, bad_store=bad, say=lambda text: click.echo(plain(text), err=True))


def examine_program(
    app: App,
    name: str | None,
    runs: int,
    *,
    bad_store: StoreError | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Readiness:
    """Look at one pipeline of a program, or at every declared one. ``say`` is told which run is being read."""
    checks = [_bad_store(bad_store) if bad_store is not None else _store_check(app.store)]
    names = [_declared_as(app, name)] if name else list(app.pipelines)
    checks += _credentials(app, names)
    checks += _queue(app)
    checks += model_checks(app)
    checks += channel_checks(app)
    known = all(one.ok or not one.needed for one in checks if one.name == "credentials")
    looked = [_looked_at(app, one, runs, known, say) for one in names]
    collected = [run for _, found in looked for run in found]
    checks += _permissions(app, names, collected) if known else []
    declared = [app.pipelines[one] for one in names if one in app.pipelines]
    checks += [routes(declared)] if declared else []
    return Readiness(as_of=datetime.now(UTC), checks=checks, pipelines=[report for report, _ in looked])


def _declared_as(app: App, name: str) -> str:
    """Give the name under which a pipeline or a Glue job is declared; itself if it is not."""
    if name in app.pipelines:
        return name
    return next((declared for declared, one in app.pipelines.items() if one.glue_job == name), name)


# The store


def _store_check(store: IncidentStore | None) -> Check:
    """Read from the store; nothing is written."""
    place = str(getattr(store, "place", "") or "the incident store")
    try:
        if store is None:
            raise StoreError("there is no incident store: name one with --store FILE")
        store.list(limit=1)
        # One item by its key: another right of DynamoDB's than the list's.
        store.history("0" * 16)
    except StoreError as error:
        return _bad_store(error)
    path = Path(place)
    if path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        fix = "make the file and its folder writable, or name another with --store FILE"
        return Check(name="store", ok=False, detail=f"{place} can be read and not written", fix=fix)
    return Check(name="store", ok=True, detail=f"{place} can be read")


def _bad_store(error: StoreError) -> Check:
    return Check(name="store", ok=False, detail=str(error), fix="name a store that can be used: --store FILE")


# The account


def _on_aws(app: App, names: list[str]) -> bool:
    if not names:
        return not app.settings.local.runs
    return any(not app.is_local(one) for one in names)


def _credentials(app: App, names: list[str]) -> list[Check]:
    """Ask AWS who we are, where a pipeline is there."""
    if not _on_aws(app, names):
        return []
    try:
        who = app.aws().identity()
    except PipetriageError as error:
        said, _, fix = str(error).partition(": ")
        # Where only this call goes unanswered (no way to STS), the others may be: who we are is then not known.
        needed = not isinstance(error, SourceError)
        return [Check(name="credentials", ok=False, detail=said, fix=fix or said, needed=needed)]
    return [Check(name="credentials", ok=True, detail=f"{who.arn} in {app.aws().region}")]


def _queue(app: App) -> list[Check]:
    """Ask the queue of events how long it is, where one is named; no message is taken."""
    watch, aws = app.settings.watch, app.settings.aws
    if not watch.queue:
        return []
    from pipetriage.watching.queue import Queue

    try:
        waiting = Queue(watch, aws.endpoint_url, aws.region).waiting()
    except PipetriageError as error:
        fix = "name it in [watch] queue, and allow what pipetriage iam-policy --queue ARN prints"
        return [Check(name="queue", ok=False, detail=str(error), fix=fix, needed=False)]
    aside = "" if watch.dead_letters else "; no dead_letters are named, so that bad events lose their reason"
    return [Check(name="queue", ok=True, detail=f"about {waiting} events wait in it{aside}", needed=False)]


def _permissions(app: App, names: list[str], collected: list[Collected]) -> list[Check]:
    """Tell which reads were refused: those of the runs' evidence, and one of each kind that it did not need."""
    found = refused_reads(collected)
    if not _on_aws(app, names):
        return found
    from pipetriage.sources.probes import probe

    known = {one.name for one in found}
    for asked, why in probe(app.aws()):
        named = f"permission {asked.call}"
        if named in known:
            continue
        fix = "" if why is None else f"allow {asked.call} (pipetriage iam-policy prints the policy)"
        detail = "answered" if why is None else f"{why}; without it {asked.tells}"
        found.append(Check(name=named, ok=why is None, detail=detail, fix=fix, needed=False))
    return found


# The pipelines


def _looked_at(
    app: App, name: str, count: int, known: bool, say: Callable[[str], None]
) -> tuple[PipelineReport, list[Collected]]:
    """Collect a pipeline's recent runs and judge them."""
    declared = name in app.pipelines
    if not app.is_local(name) and not known:
        return _failed(name, declared, "the account cannot be asked: see the check of the credentials"), []
    collected: list[Collected] = []
    errors: list[str] = []
    try:
        targets = app.recent_runs(name, count)
        for number, target in enumerate(targets, 1):
            say(f"{name}: reading run {number} of {len(targets)}, {target.rpartition('/')[2]}")
            try:
                collected.append(app.collector(target).collect())
            except CredentialsError:
                raise
            except PipetriageError as error:
                errors.append(str(error))
    except PipetriageError as error:
        errors.append(str(error))
    if not collected:
        return _failed(name, declared, errors[0]), []
    pipeline = app.pipelines.get(name) or app.pipeline_of(name)
    return assess(name, pipeline, collected, app.settings.context, declared=declared, unread=errors), collected


def _failed(name: str, declared: bool, error: str) -> PipelineReport:
    return PipelineReport(name=name, declared=declared, runs=0, run_ids=[], signals=[], capped=[], error=error)
