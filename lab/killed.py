"""A run that is really killed: a child process plays the scenario up to the fault and then sends itself SIGKILL.

Nothing of that process is left but what it had written: no handler ran, no file was closed. The parent goes on from the
lake on disk and from what the child remembered of the story just before its end.
"""

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.scenario import Scenario
    from lab.world import World

_LIMIT_SECONDS = 60
# What the story needs further on; the lake itself is on disk.
_WORLD = ("_first_run", "_first_of_chain", "_marks")
_OTHERS = ("_waiting", "_chance", "_rows_made", "acted")
_PLATFORM = ("_documents", "_arrived", "_chance")


def play_until_killed(scenario: "Scenario", folder: Path) -> None:
    """Let a child process play the scenario until it kills itself.

    Raises:
        RuntimeError: it did not end that way.
    """
    root = Path(__file__).resolve().parent.parent
    ended = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-W", "ignore", "-m", "lab.killed", str(folder)],
        input=pickle.dumps(scenario),
        cwd=root,
        capture_output=True,
        timeout=_LIMIT_SECONDS,
        check=False,
    )
    if ended.returncode != -signal.SIGKILL:
        raise RuntimeError(f"the child was not killed but gave {ended.returncode}: {ended.stderr.decode()[-500:]}")


def remember(world: "World", run_id: str) -> None:
    """Write down what the story needs further on."""
    memory = {
        "run_id": run_id,
        "world": {name: getattr(world, name) for name in _WORLD},
        "others": {name: getattr(world.others, name) for name in _OTHERS},
        "platform": {name: getattr(world.platform, name) for name in _PLATFORM},
        "before": world.history.before,
        "since": world.history.since,
        "failed": world.history.failed,
    }
    _memory(world.folder).write_bytes(pickle.dumps(memory))


def recall(world: "World") -> str:
    """Take up what a killed child remembered, and give the killed run's id."""
    path = _memory(world.folder)
    memory = pickle.loads(path.read_bytes())  # noqa: S301 - written by our own child
    path.unlink()
    for part, holder in (("world", world), ("others", world.others), ("platform", world.platform)):
        for name, value in memory[part].items():
            setattr(holder, name, value)
    world.history.before[:] = memory["before"]
    world.history.since[:] = memory["since"]
    world.history.failed = memory["failed"]
    return str(memory["run_id"])


def _memory(folder: Path) -> Path:
    return folder.parent / "memory.pickle"


def main() -> None:
    """Play the scenario on standard input in the folder named, and die at its fault."""
    from lab.world import World

    scenario = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 - written by our own parent
    world = World(scenario, Path(sys.argv[1]))

    def die(run_id: str) -> None:
        remember(world, run_id)
        os.kill(os.getpid(), signal.SIGKILL)

    world.die = die
    world.play()


if __name__ == "__main__":
    main()
