"""What the doctor looks at of the channels: their secrets are there, and nothing lies refused. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipetriage.errors import PipetriageError, StoreError
from pipetriage.model.deliveries import DeliveryState
from pipetriage.readiness.checks import Check

if TYPE_CHECKING:
    from pipetriage.bootstrap import App

_LOOKED_AT = 200
"""Deliveries that are looked through for refused ones, the newest."""
_ENDED = frozenset({DeliveryState.REFUSED, DeliveryState.GIVEN_UP})


def channel_checks(app: App) -> list[Check]:
    """Check every declared channel; none where none is declared."""
    checks = [_channel(app, name) for name in app.settings.channels]
    if checks and app.store is not None:
        checks += _refused(app)
    return checks


def _channel(app: App, name: str) -> Check:
    try:
        app.teller.channel(name)
    except PipetriageError as error:
        fix = f"put that right, then: pipetriage route --test {name}"
        return Check(name=f"channel {name}", ok=False, detail=str(error), fix=fix, needed=False)
    detail = f"its settings and secrets are there; pipetriage route --test {name} sends a sample"
    return Check(name=f"channel {name}", ok=True, detail=detail, needed=False)


def _refused(app: App) -> list[Check]:
    try:
        log = app.kept().deliveries().log(limit=_LOOKED_AT)
    except StoreError:
        return []  # the store has a check of its own
    found = [one for one in log if one.state in _ENDED]
    if not found:
        return []
    names = ", ".join(sorted({one.channel for one in found}))
    return [
        Check(
            name="deliveries",
            ok=False,
            detail=f"{len(found)} of the last {len(log)} messages were not taken ({names})",
            fix="see why with pipetriage route --log; once that is put right: pipetriage route --again CHANNEL",
            needed=False,
        )
    ]
