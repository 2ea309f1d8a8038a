"""Tells a person at a terminal that a long triage goes on. Elsewhere, and of a short one, it says nothing."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 2.0
"""A triage that takes longer says that it goes on: a log of gigabytes takes a second each."""


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on stderr what is waited for, and for how long so far."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    shown = threading.Thread(target=_show, args=(what, done), daemon=True)
    shown.start()
    try:
        yield
    finally:
        done.set()
        shown.join()


def _show(what: str, done: threading.Event) -> None:
    began = time.monotonic()
    if done.wait(SECONDS):
        return
    # 50 ms of imports, which a short wait does not pay for.
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        while not done.is_set():
            status.update(f"{what}, {time.monotonic() - began:.0f} s (Ctrl-C stops it; nothing is kept)")
            done.wait(0.5)
