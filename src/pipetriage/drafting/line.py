"""One line of a draft, and what it rests on."""

from typing import Any, Literal

import msgspec


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of the draft."""

    key: str
    value: Any
    origin: Literal["seen", "guessed"]
    why: str
    """What in which run showed it, or what the guess rests on."""
    live: bool
    """Whether it counts as pasted; the others are commented out."""
    table: str | None = None
    """The output that it is a setting of; None: of the pipeline."""
