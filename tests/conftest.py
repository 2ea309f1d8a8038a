"""What was not tested here is said at the end, with its count, by what is missing."""

from collections import Counter
from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many tests were skipped for want of which part."""
    skipped = [one.longrepr[2].removeprefix("Skipped: ") for one in terminalreporter.stats.get("skipped", [])]
    if not skipped:
        return
    counts = Counter(reason.partition(":")[0] for reason in skipped)
    parts = "; ".join(f"{part} ({count})" for part, count in counts.most_common())
    terminalreporter.write_line(f"not tested here: {len(skipped)} skipped for want of {parts}")
