"""An Airflow with a database of its own, in which a DAG is played. ``home`` is a fixture: import it by name."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DAGS = (*(Path(__file__).parent / "dags").glob("*.py"), ROOT / "examples" / "orders_airflow.py")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An Airflow of its own, with its database."""
    home = tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    for file in DAGS:
        shutil.copy(file, home / "dags")
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
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        **more,
    }
    command = [sys.executable, "-m", "airflow", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
