"""Triages for the worker processes of the tests; a case's name says what becomes of it."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from pipetriage.bootstrap import open_app
from pipetriage.errors import BundleError, ConfigError
from pipetriage.model.incident import Incident

Triage = Callable[[Path], Incident]


def normal() -> Triage:
    """Make the real thing."""
    program = open_app(use_store=False)
    return lambda folder: program.triage(str(folder))


def misbehaving() -> Triage:
    """Make a triage that hangs, crashes or raises, as the case's name says."""
    real = normal()

    def triage(folder: Path) -> Incident:
        match folder.name.split("_")[0]:
            case "hangs":
                time.sleep(600)
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exits":
                os._exit(7)
            case "raises":
                raise ValueError("a surprise\nwith a second line")
            case "refuses":
                raise BundleError(f"{folder}/bundle.json: no")
        return real(folder)

    return triage


def without_settings() -> Triage:
    """Fail as a wrong settings file does."""
    raise ConfigError("pipetriage.toml: no such setting")


def dying() -> Triage:
    """Die while starting."""
    os._exit(9)
