"""What is asked of a control table, wherever it is kept."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pipetriage.model.cells import same_cell


class Wanted(NamedTuple):
    """Which rows are wanted of a table that may hold many."""

    columns: tuple[str, ...]
    """Columns to read; one that the table lacks is left out."""
    batch: str
    """Column of the batch id."""
    updated_at: str
    batches: tuple[str, ...]
    """Batch ids whose rows matter most, the triaged run's first; may be empty."""
    only: Mapping[str, str]
    """Columns and the values that rows must have in them, compared as ``same_cell`` does."""

    def takes(self, row: Mapping[str, Any]) -> bool:
        """Whether the row has the values that rows must have."""
        return all(same_cell(row.get(column), value) for column, value in self.only.items())
