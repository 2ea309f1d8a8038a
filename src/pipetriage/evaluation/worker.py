"""A worker process: triages the cases it is told to, one after the other, until its pipe closes."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from pipetriage.errors import PipetriageError
from pipetriage.evaluation.model_effect import asked_of
from pipetriage.evaluation.row import Verdict
from pipetriage.evaluation.written import storable
from pipetriage.model.incident import Incident
from pipetriage.verdict.confidence import signs

TriageFolder = Callable[[Path], Incident]
"""Triages the bundle in a folder. Nothing may be stored."""
Factory = Callable[[], TriageFolder]
"""Makes a triage; passed to worker processes, so it must be picklable."""

EXIT_UNEXPECTED = 3


class Ready:
    """The first message: the worker has imported what it needs."""


class Unable(NamedTuple):
    """The first message when the triage cannot be made at all."""

    why: str
    exit_code: int


def serve(connection: Connection, factory: Factory, folders: Sequence[str]) -> None:
    """Answer each number received with the verdict on that folder."""
    # Ctrl-C reaches the whole group; the parent decides, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            triage = factory()
        except PipetriageError as error:
            connection.send(Unable(str(error), error.exit_code))
            return
        except Exception as error:  # noqa: BLE001 - a process boundary: the parent raises it again
            connection.send(Unable(f"a triage cannot be made: {type(error).__name__}: {error}", EXIT_UNEXPECTED))
            return
        connection.send(Ready())
        while True:
            for number in connection.recv():
                connection.send(attempt(triage, Path(folders[number])))
    except (EOFError, OSError):
        return  # the parent has gone, or needs no more


def attempt(triage: TriageFolder, folder: Path) -> Verdict:
    """Triage one folder; whatever goes wrong is the case's error."""
    began = time.perf_counter()
    try:
        incident = triage(folder)
    except PipetriageError as error:
        return Verdict(error=_neutral(str(error), folder), seconds=_since(began))
    except Exception as error:  # noqa: BLE001 - one case's failure is data, and never ends the run
        said = f"{type(error).__name__}: {error}".split("\n", 1)[0]
        return Verdict(error=_neutral(said, folder)[:500], seconds=_since(began))
    return verdict_of(incident, _since(began))


def verdict_of(incident: Incident, seconds: float) -> Verdict:
    """Keep of an incident what is scored and shown."""
    cost = incident.classifier
    reasons = [reason for reason in (*incident.rerun.reasons, *incident.retry_reasons) if not reason.holds]
    return Verdict(
        failure_category=incident.failure_category,
        failure_mode=str(incident.failure_mode),
        safe_to_retry=incident.safe_to_retry,
        rerun=incident.rerun.decision,
        confidence=incident.confidence,
        seconds=seconds,
        input_tokens=cost.input_tokens,
        output_tokens=cost.output_tokens,
        cost_usd=cost.cost_usd,
        likely_root_cause=incident.likely_root_cause,
        why=f"{reasons[0].rule}: {reasons[0].why}" if reasons else "",
        rules_version=cost.rules_version,
        asked=asked_of(incident),
        signs={sign: value for sign, value in signs(incident).items() if value},
    )


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 6)


def _neutral(text: str, folder: Path) -> str:
    """Name files below the case's folder by that folder's name: a report is shared, and a machine's paths are not."""
    return storable(text.replace(f"{folder.parent}{os.sep}", ""))
