"""What every detector offers."""

from typing import Protocol

from pipetriage.model.context import Context
from pipetriage.model.finding import Finding


class Detector(Protocol):
    """One way of saying what broke: a pure function of the context."""

    @property
    def id(self) -> str:
        """Stable name, the first part of ``Finding.detector`` and of its docs page."""
        ...

    @property
    def summary(self) -> str:
        """What it looks for, in one sentence."""
        ...

    def detect(self, context: Context) -> list[Finding]:
        """Conclude what the evidence says of this detector's category; empty when it says nothing."""
        ...
