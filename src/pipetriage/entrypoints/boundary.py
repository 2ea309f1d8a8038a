"""Where a command line ends: every error becomes one line on stderr and an exit code, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

import click

from pipetriage.errors import PipetriageError

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""As a shell reports a program that ended by SIGPIPE."""
EXIT_UNEXPECTED = 3


def complain(message: str) -> None:
    """Say one line on stderr."""
    from pipetriage.entrypoints.plain_text import plain

    # stderr may be closed or broken as well; there is then nobody left to tell.
    with suppress(OSError, ValueError):
        click.echo(f"pipetriage: {plain(message)}", err=True)


def run(command: click.Command, arguments: Sequence[str] | None = None) -> int:
    """Run one command line and give the exit code: the boundary that no error crosses."""
    _tolerate_any_encoding(sys.stdout, sys.stderr)
    try:
        code = command.main(args=arguments, prog_name="pipetriage", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # click and rich turn a broken pipe into SystemExit, and raise it for nothing else here.
        return _reader_left()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except PipetriageError as error:
        complain(str(error))
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the entry point's boundary: a surprise is never an exit code of 0 or 10
        return _surprised(error)
    return code if isinstance(code, int) else 0


def _surprised(error: Exception) -> int:
    if os.environ.get("PIPETRIAGE_DEBUG"):
        import traceback

        traceback.print_exception(error)
    said = str(error).split("\n", 1)[0][:300]
    complain(f"internal error, please report it ({type(error).__name__}: {said}); PIPETRIAGE_DEBUG=1 shows more")
    return EXIT_UNEXPECTED


def _reader_left() -> int:
    """End quietly when whoever reads our output has gone (``| head``)."""
    # The interpreter flushes stdout once more at exit; let that go nowhere.
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_BROKEN_PIPE


def _tolerate_any_encoding(*streams: TextIO) -> None:
    """Print ``?`` for what a terminal's encoding lacks, rather than fail over a tick mark."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
