"""How a scheduler is answered (``[gate]``), and over HTTP (``[serve]``)."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class GateSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the gate."""

    within_seconds: Annotated[float, Meta(gt=0, le=900)] = 90.0
    """In what time a scheduler has its answer; where that is not possible, the answer is no. A triage has up to three
    rounds of sources of 20 s."""
    readers: Literal["closed", "open"] = "closed"
    """What a reader is answered while nobody can tell whether a table holds part of a batch: ``closed``, do not read;
    ``open``, read."""


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP service."""

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8321
    token_env: str = "PIPETRIAGE_TOKEN"  # noqa: S105 - the name of the variable that holds it
    """Variable with a bearer token that may read, submit and ask the gate. Others are made with ``pipetriage token``;
    where there is none at all, only this machine may ask."""
    at_once: Annotated[int, Meta(ge=1, le=64)] = 4
    """Triages at the same time; who comes beyond that is told to ask again."""
    per_minute: Annotated[int, Meta(ge=1, le=10_000_000)] = 3000
    """Requests of one token, or one address where there is none, in any minute; in memory, each process by itself."""
