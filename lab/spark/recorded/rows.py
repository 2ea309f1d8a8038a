"""The history of good runs that a case tells: counts as an operator's own statistics would hold them."""

import json
import random
from pathlib import Path
from typing import Any

from lab.spark.recorded.lake import Lake


def history(case: Path, lake: Lake) -> dict[str, Any]:
    """Give records, bytes, files and seconds of the good runs, the older ones drawn from like numbers."""
    runs = json.loads((case / "glue" / "job_runs.json").read_text(encoding="utf-8"))["JobRuns"]
    good = [run for run in runs if run["JobRunState"] == "SUCCEEDED" and run["Arguments"]["--batch_id"] != lake.failing]
    chance = random.Random(f"history {lake.seed}")
    found = []
    for run in good:
        rows = lake.rows(run["Arguments"]["--batch_id"], broken=False)
        size = sum(len(json.dumps(row)) + 1 for row in rows)
        found.append(_run(run["Id"], len(rows), size, len(lake.by_group(rows)), run["ExecutionTime"]))
    if not found:
        return {"runs": []}
    like = found[0]
    for _ in range(9):
        share = chance.uniform(0.93, 1.07)
        run_id = f"jr_{chance.getrandbits(256):064x}"
        records, size = int(like["records"] * share), int(like["bytes"] * share)
        found.append(_run(run_id, records, size, like["files"], like["seconds"]))
    return {"runs": found}


def _run(run_id: str, records: int, size: int, files: int, seconds: int) -> dict[str, Any]:
    return {"job_run_id": run_id, "records": records, "bytes": size, "files": files, "seconds": seconds}
