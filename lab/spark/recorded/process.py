"""The recorder's end of a worker: starts the driver process, sends commands, survives that it is killed."""

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).resolve().parent
JARS = ROOT / os.environ.get("SPARK_LAB_JARS", "build/spark-jars")
VENVS = {
    "3.5": ROOT / os.environ.get("SPARK_LAB_VENV", "build/spark-venv"),
    "4.1": ROOT / os.environ.get("SPARK41_LAB_VENV", "build/spark41-venv"),
}


_WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


class ProcessError(Exception):
    """The worker broke in a way that no program asks for."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What kind of driver a program needs."""

    spark: str = "3.5"
    memory: str = "1g"
    plain_user: bool = False
    """Run without the right to pass over a file's mode (root has it), so that the file system can refuse."""


class Process:
    """One worker process; started when first needed, and again after it was killed."""

    def __init__(self, folder: Path, kind: Kind, endpoint: str) -> None:
        self.kind = kind
        self.folder = folder
        self.log = folder / "driver.log"
        self._endpoint = endpoint
        self._process: subprocess.Popen[str] | None = None
        self.jvm: int | None = None

    @property
    def packages(self) -> Path:
        """The environment whose Spark this is."""
        return VENVS[self.kind.spark]

    def send(self, command: dict[str, Any]) -> None:
        """Send a command without waiting for its end."""
        process = self._started()
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()

    def answer(self, seconds: float = 120.0) -> dict[str, Any] | None:
        """Wait for the answer; None when the driver was killed, or gave none in time and was ended."""
        process = self._started()
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            ready, _, _ = select.select([process.stdout], [], [], 0.5)
            if not ready:
                continue
            line = process.stdout.readline()
            if not line:
                process.wait()
                self._process = None
                return None
            answer = dict(json.loads(line))
            if "started" in answer:
                self.jvm = int(answer["started"])
                continue
            return answer
        self.kill()
        return None

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Send a command that must go well.

        Raises:
            ProcessError: it did not.
        """
        self.send(command)
        answer = self.answer(400.0)
        if answer is None or not answer["ok"]:
            raise ProcessError(f"{command['action']} failed: {answer}")
        return answer

    def end_hard(self) -> None:
        """End JVM and Python as a lost machine would; whoever waits for the answer sees that it is gone."""
        for pid in (self.jvm, self._process.pid if self._process else None):
            if pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def mark(self) -> int:
        """Give the log's length, to cut out later what one application wrote."""
        return self.log.stat().st_size if self.log.exists() else 0

    def kill(self) -> None:
        """End the process without asking."""
        if self._process is None:
            return
        self.end_hard()
        self._process.wait()
        self._process, self.jvm = None, None

    def close(self) -> None:
        """End the process."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._process = subprocess.Popen(  # noqa: S603 - our own worker
                [
                    *(_WITHOUT_RIGHTS if self.kind.plain_user else ()),
                    str(self.packages / "bin" / "python"),
                    str(HERE / "worker.py"),
                    str(self.log),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=self.folder,
                env=self._environment(),
            )
        return self._process

    def _environment(self) -> dict[str, str]:
        python = str(self.packages / "bin" / "python")
        java = f"-Duser.timezone=UTC -Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        jar = "" if self.kind.spark != "3.5" else f"--driver-class-path {iceberg_jar()}"
        submit = f"--driver-memory {self.kind.memory} {jar} --driver-java-options '{java}' pyspark-shell"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TZ": "UTC",
            # Who runs the job on Glue; not this machine's user.
            "HADOOP_USER_NAME": "hadoop",
            "SPARK_USER": "hadoop",
            "PYTHONHASHSEED": "0",
            "PYTHONUNBUFFERED": "1",
            "PYSPARK_PYTHON": python,
            "PYSPARK_DRIVER_PYTHON": python,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_HOSTNAME": "localhost",
            "PYSPARK_SUBMIT_ARGS": submit,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "lab",
            "AWS_RETRY_MODE": "standard",
            "AWS_MAX_ATTEMPTS": "2",
            **({"JAVA_HOME": os.environ["JAVA_HOME"]} if "JAVA_HOME" in os.environ else {}),
        }


def iceberg_jar() -> Path:
    """Give Iceberg's runtime jar."""
    (jar,) = JARS.glob("iceberg-spark-runtime-3.5_2.12-*.jar")
    return jar
