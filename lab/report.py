"""Writes the report: ``report.json`` with every figure, and ``report.html``, one page that needs nothing else."""

import json
from pathlib import Path

from lab.figures import figures
from lab.page import page
from lab.result import Result


def write_report(results: list[Result], out: Path) -> Path:
    """Write both files into the folder and give the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    made = figures(results)
    (out / "report.json").write_text(json.dumps(made.to_json(), indent=1), encoding="utf-8")
    path = out / "report.html"
    path.write_text(page(made), encoding="utf-8")
    return path
