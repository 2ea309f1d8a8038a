"""How far an evaluation is: a bar at a terminal, elsewhere a line every few seconds. On stderr either way."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

_SECONDS_BETWEEN_LINES = 5.0
# Drawing costs more than many a triage.
_SECONDS_BETWEEN_DRAWINGS = 0.1


@contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """Give what is to be told how many triages are done."""
    if not sys.stderr.isatty():
        yield _lines(total)
        return
    # 50 ms of imports, while the workers start.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("triaging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield _at_times(lambda done: bar.update(task, completed=done), _SECONDS_BETWEEN_DRAWINGS, total)


def _lines(total: int) -> Callable[[int], None]:
    def say(done: int) -> None:
        if done < total:
            click.echo(f"{done} of {total} cases triaged", err=True)

    return _at_times(say, _SECONDS_BETWEEN_LINES, total)


def _at_times(show: Callable[[int], None], seconds: float, total: int) -> Callable[[int], None]:
    shown = time.monotonic()

    def on_done(done: int) -> None:
        nonlocal shown
        if time.monotonic() - shown >= seconds or done == total:
            shown = time.monotonic()
            show(done)

    return on_done
