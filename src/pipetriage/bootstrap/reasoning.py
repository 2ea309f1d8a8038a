"""The models of the settings to what asks them. Imported only where one is configured."""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pipetriage.bootstrap.targets import now
from pipetriage.context.redact import Redactor
from pipetriage.errors import PipetriageError
from pipetriage.model.model_memory import ModelMemory
from pipetriage.model.proposal import Failure
from pipetriage.reasoning.audit import Audit
from pipetriage.reasoning.breaker import Breaker
from pipetriage.reasoning.classifier import Desk, ModelClassifier
from pipetriage.reasoning.interface import Endpoint
from pipetriage.reasoning.memory import InProcessMemory
from pipetriage.reasoning.tracing import send_traces
from pipetriage.settings import ReasoningSettings


def model_classifier(
    endpoints: Sequence[Endpoint],
    settings: ReasoningSettings,
    base: Path,
    memory: ModelMemory | None,
    absent: Sequence[Failure],
) -> ModelClassifier:
    """Give what asks these models. ``absent`` tells of those that cannot be asked; without ``memory`` it forgets."""
    send_traces()
    threading.Thread(target=_prepare, args=(endpoints,), daemon=True).start()
    redact = Redactor().text
    folder = base / settings.requests if settings.requests else None
    desk = Desk(
        memory=memory or InProcessMemory(),
        breaker=Breaker(settings.breaker_failures, settings.breaker_seconds, time.monotonic),
        redact=redact,
        audit=Audit(folder, settings.requests_days, redact, now),
        now=now,
    )
    return ModelClassifier(endpoints, settings, desk, absent=absent)


def _prepare(endpoints: Sequence[Endpoint]) -> None:
    """Import what asking the models takes, some seconds, while the evidence is read."""
    for one in endpoints:
        # Who asks, or where, is not known: the incident will say so as that model's failure.
        with suppress(PipetriageError):
            one.prepare()
