"""What a detector concludes."""

from enum import StrEnum

import msgspec

from pipetriage.model.categories import CATEGORY_OF, Category, FailureMode


class Strength(StrEnum):
    """How far a finding carries.

    STRONG: this broke the run, said by the terminal error's root or by two independent signals.
    MODERATE: it fits the failure and nothing better explains it, but the evidence allows another cause.
    WEAK: a hint; the run survived it, or it was merely present.
    """

    STRONG = "STRONG"
    MODERATE = "MODERATE"
    WEAK = "WEAK"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One conclusion with the evidence it rests on. Cannot be made without evidence."""

    detector: str
    """The detector's id and rule (``permission_error/s3-access-denied``)."""
    category: Category
    failure_mode: FailureMode
    strength: Strength
    statement: str
    """One sentence a person reads. Redacted text only."""
    evidence: tuple[str, ...]
    """Ids of the evidence, most telling first; never empty."""

    def __post_init__(self) -> None:
        """Refuse a finding without evidence or with another category's failure mode."""
        if not self.evidence:
            raise ValueError(f"a finding needs evidence: {self.detector}")
        if CATEGORY_OF[self.failure_mode] is not self.category:
            raise ValueError(f"{self.failure_mode} is not a failure mode of {self.category}")
