"""What a person found out about an incident: the truth that the tool is measured by."""

from datetime import datetime

import msgspec

from pipetriage.model.categories import Category


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """A person's judgement of one incident. The latest counts; earlier ones are kept."""

    by: str
    reviewed_at: datetime
    failure_category: Category
    """What really broke."""
    acceptable_categories: list[Category] = []
    """Other answers that would have been right, too."""
    safe_to_retry: bool
    """Whether a machine might have retried it unchanged, without asking anyone."""
    rerun_harmless: bool | None = None
    """Whether a rerun left, or would have left, the right tables; None: not found out."""
    closed: bool = False
    """Whether nothing partial of the batch is left for readers to see: it was repaired, rolled back, or is known to be
    whole."""
    note: str = ""
    """Redacted before it is stored."""
    done: str = ""
    """What was really done about it; redacted as the note is. It is what "last time" says on later incidents."""


def confirms(review: Review, category: Category, *, safe: bool) -> bool:
    """Whether a review confirms a verdict; anything else is an override."""
    right = {review.failure_category, *review.acceptable_categories}
    return category in right and review.safe_to_retry is safe
