"""``pipetriage demo``: build a small platform, break it, triage it, and prove the verdict by running again."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from pipetriage.errors import MissingExtraError, UsageError
from pipetriage.model.incident import Incident


def run(keep: Path | None, echo: Callable[[str], None], verdict: Callable[[Incident], None]) -> int:
    """Play the story in ``keep`` or in a temporary folder, and give the exit code.

    Raises:
        MissingExtraError: pyarrow or pyiceberg is not installed.
        UsageError: ``keep`` is no empty folder.
    """
    if find_spec("pyarrow") is None or find_spec("pyiceberg") is None:
        raise MissingExtraError("demo", "pipetriage demo")
    with _folder(keep) as folder:
        # Imports pyarrow and pyiceberg.
        from pipetriage.demo.story import Story

        story = Story(folder, datetime.now(UTC), echo, verdict)
        story.play()
    if keep is not None:
        echo("")
        echo(f"Everything is left in {folder}. Explore it from there:")
        echo(f"  cd {folder}")
        echo("  pipetriage triage local:orders_daily/latest")
    return 0


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="pipetriage-demo-") as folder:
            yield Path(folder).resolve()
        return
    try:
        if keep.is_dir() and any(keep.iterdir()):
            raise UsageError(f"{keep} is not empty: --keep needs a new or empty folder")
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--keep cannot use {keep}: {error.strerror or error}") from error
    yield keep.resolve()
