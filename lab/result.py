"""What one seed gave: typed, and JSON-able through ``asdict``."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ablated:
    """The verdict with some evidence taken away."""

    removed: tuple[str, ...]
    decision: str
    safe_to_retry: bool
    fatal: bool


@dataclass
class Result:
    """One seed, from end to end."""

    seed: int
    facets: dict[str, str] = field(default_factory=dict)
    """The strata it belongs to."""
    acted: list[str] = field(default_factory=list)
    """Other writers that really wrote."""
    decision: str = ""
    safe_to_retry: bool = False
    category: str = ""
    failure_mode: str = ""
    state: str = ""
    statuses: list[str] = field(default_factory=list)
    rerun_harmless: bool = False
    by_luck: bool = False
    futile: bool = False
    """The rerun failed loudly and left every table as it was: neither harm nor help."""
    fatal: list[str] = field(default_factory=list)
    """Why the verdict is a fatal miss; empty when it is not."""
    broken: list[str] = field(default_factory=list)
    """The rules that kept the rerun from being called safe."""
    why: list[str] = field(default_factory=list)
    blind: bool = False
    """Nothing that is declared would show what is wrong: the input is gone, and nobody said where it was."""
    disagreement: list[str] = field(default_factory=list)
    ablated: list[Ablated] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    """The lab itself failed; nothing is said about the verdict."""

    @property
    def outcome(self) -> str:
        """Name the score in one word."""
        if self.error is not None:
            return "error"
        if self.fatal or any(one.fatal for one in self.ablated):
            return "blind" if self.blind else "fatal"
        if self.disagreement:
            return "disagreement"
        if self.futile and self.decision == "SAFE":
            return "futile"
        if self.rerun_harmless and self.decision != "SAFE":
            return "luck" if self.by_luck else "lost"
        return "right"

    def to_json(self) -> dict[str, Any]:
        """Give plain data, the outcome included."""
        return {**asdict(self), "outcome": self.outcome}


def from_json(document: dict[str, Any]) -> Result:
    """Read a result that was written by ``to_json``."""
    values = {key: value for key, value in document.items() if key != "outcome"}
    values["ablated"] = [Ablated(**{**one, "removed": tuple(one["removed"])}) for one in values["ablated"]]
    return Result(**values)
