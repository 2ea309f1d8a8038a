"""The lab's end of a worker: starts the driver process, sends commands, survives that it is killed."""

import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / os.environ.get("SPARK_LAB_VENV", "build/spark-venv")
JARS = ROOT / os.environ.get("SPARK_LAB_JARS", "build/spark-jars")
JOBS = Path(__file__).resolve().parent / "jobs"
_SECONDS = 240.0


class DriverError(Exception):
    """The worker broke in a way that no scenario asked for."""


class Driver:
    """One worker process; started when first needed, and again after it was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.log = folder / "driver.log"

    def send(self, command: dict[str, Any]) -> None:
        """Send a command without waiting for its end."""
        process = self._started()
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()

    def answer(self) -> dict[str, Any] | None:
        """Wait for the answer; None when the driver was killed.

        Raises:
            DriverError: there is no answer in time.
        """
        process = self._started()
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            ready, _, _ = select.select([process.stdout], [], [], 0.5)
            if ready:
                line = process.stdout.readline()
                if line:
                    return dict(json.loads(line))
                process.wait()
                self._process = None
                return None
        self.close()
        raise DriverError(f"no answer in {_SECONDS:.0f} s")

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command that must go well.

        Raises:
            DriverError: it did not.
        """
        self.send(command)
        answer = self.answer()
        if answer is None or not answer["ok"]:
            raise DriverError(f"{command['action']} failed: {answer}")
        return answer

    def mark(self) -> int:
        """Give the log's length, to cut out later what one application wrote."""
        return self.log.stat().st_size if self.log.exists() else 0

    def close(self) -> None:
        """End the process."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._process = subprocess.Popen(  # noqa: S603 - our own worker
                [str(VENV / "bin" / "python"), str(JOBS / "worker.py"), str(self.log)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self._folder,
                env=_environment(self._folder),
            )
        return self._process


def _environment(folder: Path) -> dict[str, str]:
    (jar,) = JARS.glob("iceberg-spark-runtime-3.5_2.12-*.jar")
    java = f"-Duser.timezone=UTC -Dlog4j2.configurationFile={JOBS / 'log4j2.properties'}"
    submit = f"--driver-memory 1g --driver-class-path {jar} --driver-java-options '{java}' pyspark-shell"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TZ": "UTC",
        # Who runs the job on Glue; not this machine's user.
        "HADOOP_USER_NAME": "hadoop",
        "SPARK_USER": "hadoop",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(JOBS),
        "PYSPARK_PYTHON": str(VENV / "bin" / "python"),
        "PYSPARK_DRIVER_PYTHON": str(VENV / "bin" / "python"),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_LOCAL_HOSTNAME": "localhost",
        "PYSPARK_SUBMIT_ARGS": submit,
        **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
    }
