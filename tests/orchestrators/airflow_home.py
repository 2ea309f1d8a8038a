"""An Airflow with a database of its own, in which a DAG is played. ``home`` is a fixture: import it by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

DAGS = Path(__file__).parent / "dags"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow of its own, with its database."""
    home = tmp_path_factory.mktemp("airflow")
    told = run(home, "db", "migrate")
    assert told.returncode == 0, told.stderr[-2000:]
    told = run(home, "dags", "reserialize")
    assert told.returncode == 0, told.stderr[-2000:]
    return home


def run(home: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        **more,
    }
    command = [sys.executable, "-m", "airflow", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
