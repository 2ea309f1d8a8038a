"""``python -m pipetriage``."""

import sys

from pipetriage.entrypoints.cli import main

if __name__ == "__main__":
    sys.exit(main())
