"""What a large table costs, in what does not depend on the machine: how many of its metadata files are read."""

import runpy
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
BENCHMARK = Path(__file__).parents[1] / "benchmarks/tables.py"


@pytest.mark.parametrize("snapshots", [10, 60])
def test_metadata_reads_do_not_grow_with_the_tables_history(snapshots: int, tmp_path: Path) -> None:
    bench = runpy.run_path(str(BENCHMARK))
    config = bench["make_platform"](tmp_path.resolve(), 10 * snapshots, snapshots)
    reads, incident = bench["count_reads"](config)
    [state] = incident.write_state
    assert (state.status, state.records_written) == ("PARTIAL", 300)
    assert reads == 7
