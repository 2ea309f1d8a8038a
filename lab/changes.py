"""What every table format of the lab offers to a job: prepare a change (data files are written), then commit it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from lab.recipes import Op
from lab.rows import Row

Summary = Mapping[str, str]


class CommitConflictError(Exception):
    """Another writer committed first; nothing of ours landed."""


@dataclass(frozen=True)
class Committed:
    """What the engine would log of a commit: an id and the operation's name."""

    snapshot: str | None
    operation: str


@dataclass(frozen=True)
class Prepared:
    """A change whose data files are written and that nobody sees yet."""

    commit: Callable[[], Committed]
    halfway: Callable[[], None] | None = None
    """Publishes only the first of several files or folders, where the format publishes them one by one."""


class Tables(Protocol):
    """The tables of one lake in one format."""

    strict: bool

    def create(self, table: str) -> None:
        """Create an empty table."""
        ...

    def prepare(self, op: Op, table: str, rows: list[Row], summary: Summary, stage: str) -> Prepared:
        """Write the data files of a change. ``stage`` names the staged write or branch of write-audit-publish."""
        ...

    def finish(self, table: str) -> None:
        """End a job that went well (a committer's job commit)."""
        ...

    def abort(self, table: str) -> None:
        """End a job that failed and could still clean up."""
        ...

    def rows(self, table: str) -> Counter[Row]:
        """Give the rows that readers see."""
        ...

    def remove(self, table: str, rows: list[Row], summary: Summary) -> None:
        """Delete these rows, as a person's DELETE does."""
        ...

    def compact(self, table: str, summary: Summary) -> None:
        """Rewrite small files without changing a row."""
        ...

    def mark(self, table: str) -> str | None:
        """Name the table's state now, for a later rollback; None where the format has none."""
        ...

    def roll_back(self, table: str, mark: str) -> None:
        """Make an earlier state current again."""
        ...

    def expire(self, table: str) -> None:
        """Forget all history but the current state."""
        ...

    def recreate(self, table: str) -> None:
        """Drop the table and create it anew with the same rows."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


def in_order(rows: Iterable[Row]) -> dict[str, list[str] | list[int]]:
    """Give the columns of some rows."""
    listed = list(rows)
    columns: dict[str, list[str] | list[int]] = {
        name: [str(getattr(row, name)) for row in listed] for name in ("id", "day", "shop", "key")
    }
    columns["amount"] = [row.amount for row in listed]
    return columns
