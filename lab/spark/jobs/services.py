"""What a job asks of others while it runs, and where the lab makes it fail: real exceptions, a real SIGKILL.

Runs in Spark's environment: driver and Python workers. No fault is raised unless the run's spec asks for it, so a
rerun "unchanged with the cause cleared" is the same code with an empty spec.
"""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-not-found]


@dataclass(frozen=True)
class FaultSpec:
    """What goes wrong in one run, and where."""

    point: str = ""
    """``start``, ``udf``, ``between``, ``after``, ``commit`` (while the commit is in progress); empty: nothing."""
    cause: str = ""
    """``service``, ``denied``, ``code``, ``kill``; ``value`` and ``missing`` lie in the input itself."""
    after: int = 0
    """For ``between``: after this many commits."""
    shop: str = ""
    """For ``udf``: the shop whose rows meet it."""
    gate: str = ""
    """A folder: the run says ``reached`` there and waits for ``go``, so that someone else may write meanwhile."""
    gate_point: str = ""
    """Where it waits: ``udf`` or ``between``."""
    watch: str = ""
    """For ``commit``: a folder and a glob, joined by ``::``; the driver is killed when such a file appears."""
    jvm: int = 0
    driver: int = 0


def _throttled(operation: str) -> Exception:
    """Make what a service client raises when it gives up."""
    response = {
        "Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 4, "MaxAttemptsReached": True},
    }
    return ClientError(response, operation)  # type: ignore[no-any-return]


def _denied(operation: str) -> Exception:
    """Make what a service client raises when the role lacks the right."""
    message = (
        "User: arn:aws:sts::123456789012:assumed-role/orders-job/GlueJobRunnerSession is not authorized to perform: "
        f"ssm:{operation} on resource: arn:aws:ssm:eu-west-1:123456789012:parameter/orders/rates because no "
        "identity-based policy allows the action"
    )
    response = {"Error": {"Code": "AccessDeniedException", "Message": message}}
    return ClientError(response, operation)  # type: ignore[no-any-return]


def kill_driver(spec: FaultSpec) -> None:
    """End the driver as a lost machine would: the JVM and its Python process, no handler runs."""
    if spec.jvm:
        os.kill(spec.jvm, signal.SIGKILL)
    os.kill(spec.driver or os.getpid(), signal.SIGKILL)


def call_service(spec: FaultSpec, operation: str) -> None:
    """Fail in the way that the spec names."""
    if spec.cause == "service":
        raise _throttled(operation)
    if spec.cause == "denied":
        raise _denied(operation)
    if spec.cause == "code":
        rates: dict[str, float] = {"EUR": 1.0}
        rates["CHF"]
    if spec.cause == "kill":
        kill_driver(spec)
        time.sleep(60)


def wait_at_gate(spec: FaultSpec) -> None:
    """Let someone else write to the table now."""
    folder = Path(spec.gate)
    (folder / "reached").touch()
    deadline = time.monotonic() + 120
    while not (folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.02)


class Faults:
    """The driver's side of one run's faults."""

    def __init__(self, spec: FaultSpec) -> None:
        self.spec = spec
        self.commits = 0

    def checkpoint(self, point: str, operation: str = "GetParameter") -> None:
        """Pass a point of the job."""
        spec = self.spec
        if point == "between":
            self.commits += 1
            if self.commits != spec.after:
                return
        if spec.gate and spec.gate_point == point and not (Path(spec.gate) / "go").exists():
            wait_at_gate(spec)
        if spec.point == point:
            call_service(spec, operation)

    def watch_commit(self) -> None:
        """Kill the driver as soon as the watched file appears; polls, because a commit takes some milliseconds."""
        if self.spec.point != "commit":
            return
        folder, _, glob = self.spec.watch.partition("::")
        there = set(Path(folder).glob(glob))

        def poll() -> None:
            while set(Path(folder).glob(glob)) <= there:
                time.sleep(0.0005)
            kill_driver(self.spec)

        threading.Thread(target=poll, daemon=True).start()


def look_up(spec: dict[str, Any], shop: str) -> None:
    """Meet the fault inside a task, where the UDF runs."""
    fault = FaultSpec(**spec)
    if fault.shop != shop:
        return
    if fault.gate and fault.gate_point == "udf" and not (Path(fault.gate) / "go").exists():
        wait_at_gate(fault)
    if fault.point == "udf":
        # A client tries again for a while before it gives up; the other tasks end meanwhile.
        time.sleep(3.0 if fault.cause == "kill" else 1.0)
        call_service(fault, "GetParameter")
