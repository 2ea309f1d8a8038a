"""A long triage says at a terminal that it goes on; a short one, and one that is piped, says nothing."""

import os
import pty
import subprocess
import sys

CODE = """
import time
from pipetriage.entrypoints.waiting import waiting
with waiting("reading the evidence"):
    time.sleep({seconds})
print("done")
"""


def shown(seconds: float) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", CODE.format(seconds=seconds)], stderr=theirs, stdout=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        process.wait(timeout=60)
    os.set_blocking(ours, False)
    said = b""
    try:
        while piece := os.read(ours, 4096):
            said += piece
    except OSError:
        pass  # the other side is closed
    os.close(ours)
    return said.decode("utf-8", "replace")


def test_a_long_wait_is_told_at_a_terminal() -> None:
    assert "reading the evidence, 2 s (Ctrl-C stops it; nothing is kept)" in shown(3.0)


def test_a_short_wait_is_not() -> None:
    assert shown(0.1) == ""


def test_nothing_is_told_where_nobody_looks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(seconds=2.5)], capture_output=True, text=True, timeout=60, check=True
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
