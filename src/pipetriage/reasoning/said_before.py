"""Answers to questions that were put before: the same context, prompt and models are not asked twice."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import msgspec

from pipetriage.errors import StoreError
from pipetriage.model.model_memory import ModelMemory
from pipetriage.model.proposal import Proposal
from pipetriage.reasoning.interface import Question
from pipetriage.reasoning.prompts import prompt


class SaidBefore:
    """Looks one question up in the memory, and keeps its outcome there. With ``days`` 0 it does neither."""

    def __init__(
        self,
        memory: ModelMemory,
        question: Question,
        models: Iterable[str],
        *,
        days: float,
        now: Callable[[], datetime],
    ) -> None:
        self._memory = memory
        self._days = days
        self._now = now
        parts = [prompt().version, *models, question.instructions, question.text, *sorted(question.may_ask)]
        self._key = hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def recall(self) -> Proposal | None:
        """Give the outcome of then, if there is one that is not too old."""
        if self._days <= 0:
            return None
        try:
            value = self._memory.recall(self._key, not_before=self._now() - timedelta(days=self._days))
            return None if value is None else msgspec.json.decode(value, type=Proposal)
        except (StoreError, msgspec.DecodeError):
            return None  # asking again is all that is lost

    def keep(self, proposal: Proposal) -> str | None:
        """Keep the outcome; say why that was not possible."""
        if self._days <= 0:
            return None
        try:
            self._memory.remember(self._key, msgspec.json.encode(proposal), self._now())
        except StoreError as error:
            return f"the answer could not be remembered: {error}"
        return None
