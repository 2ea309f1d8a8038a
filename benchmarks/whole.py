"""How long the triage of a large run takes: a log of 100 MB, an event log of 400 MB. Run with ``make bench``.

The whole process is measured, from its start to its exit; the figure is the median of five.
"""

import resource
import shutil
import sys
import tempfile
from pathlib import Path

from event_log import MEGABYTE, make_log
from logs import LINES
from spark_text import write_log
from startup import make_bundle, measure, run


def main() -> None:
    """Print the figure with its target."""
    with tempfile.TemporaryDirectory(prefix="pipetriage-bench-") as folder:
        bundle = make_bundle(Path(folder) / "bundle")
        shutil.rmtree(bundle / "logs")
        (bundle / "logs").mkdir()
        (bundle / "spark").mkdir()
        log = write_log(bundle / "logs" / "driver.log", LINES)
        make_log(bundle / "spark" / "eventlog", 400 * MEGABYTE)
        command = [sys.executable, "-m", "pipetriage", "triage", str(bundle), "--json", "--no-store"]
        run(command)
        taken = measure(lambda: run(command))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"triage of a {log / 1e6:.0f} MB log and a 400 MB event log: {taken:.2f} s (target 3 s)")
        print(f"  {peak:.0f} MB of memory at most")


if __name__ == "__main__":
    main()
