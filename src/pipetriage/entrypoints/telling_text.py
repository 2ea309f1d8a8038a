"""Telling people once a verdict is printed, and saying what came of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.plain_text import plain
from pipetriage.entrypoints.waiting import waiting
from pipetriage.errors import StoreError

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.incident import Incident
    from pipetriage.notifiers.sending import Sent


_LAST_SECONDS = 30.0
"""How long a message that is being sent when the program stops is waited for."""


def tell(app: App, incident: Incident) -> None:
    """Have people told of a stored incident, for as long as the settings say; what is left is sent later."""
    if app.store is None or app.store_error or not app.settings.channels:
        return
    app.announce(incident)
    if app.route_error:
        complain(f"warning: {app.route_error}; nobody was told of this incident")
        return
    send(app, app.settings.routing.send_seconds)


def send(app: App, seconds: float) -> None:
    """Send what is due, and say what came of it. Ctrl-C leaves the rest for later."""
    try:
        with waiting("telling people"):
            sent = app.send(seconds)
    except StoreError as error:
        complain(f"warning: {error}; what is to be told waits in the outbox")
        return
    for line in lines(sent):
        complain(line)


@contextmanager
def telling(app: App, stopping: threading.Event) -> Iterator[None]:
    """Tell people beside whatever else is done, in a thread of its own; at the end, what is due for a moment more."""
    if app.store is None or not app.settings.channels:
        yield
        return

    def on_error(error: Exception) -> None:
        complain(f"warning: telling people failed ({plain(str(error))}); what is to be told waits in the outbox")

    def on_sent(sent: Sent) -> None:
        complain(lines([sent])[0])

    ended = threading.Event()
    arguments = (app.store, ended, on_sent, on_error)
    thread = threading.Thread(target=app.teller.keep_sending, args=arguments, name="tell", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        # One that is being sent is not left half way: it would be sent again by the next process.
        thread.join(_LAST_SECONDS)
        if not stopping.is_set():
            send(app, app.settings.routing.send_seconds)


def lines(sent: Sequence[Sent]) -> list[str]:
    """Say in a line each what came of attempts to send; one that succeeded on several topics is said once."""
    said: dict[str, None] = {}
    for one in sent:
        name = plain(one.delivery.channel)
        match one.state:
            case "SENT":
                said[f"told {name}"] = None
            case "WAITING":
                said[f"{name} was not told yet, and is tried again: {plain(one.outcome)}"] = None
            case _:
                again = f"then: pipetriage route --again {name}"
                said[f"{name} was not told: {plain(one.outcome)}; put that right, {again}"] = None
    return list(said)
