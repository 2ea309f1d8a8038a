"""Times Drain3 over the lines of a log; run by ``logs.py`` with the peers' Python."""

import sys
import time
from pathlib import Path

from drain3 import TemplateMiner
from drain3.template_miner_config import TemplateMinerConfig


def main() -> None:
    """Print how many seconds it took to add each line."""
    miner = TemplateMiner(config=TemplateMinerConfig())
    began = time.perf_counter()
    with Path(sys.argv[1]).open(encoding="utf-8", errors="replace") as log:
        for line in log:
            miner.add_log_message(line.rstrip("\n"))
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
