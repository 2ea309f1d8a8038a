"""One seed from end to end: play it, triage it through the public path, run the failed batch again, compare."""

import json
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from lab.spark.driver import Driver, DriverError
from lab.spark.jobs_spec import FaultSpec
from lab.spark.platform import STAGING, TARGET, Platform, table_statements
from lab.spark.rows import Order, Rows, orders_of, others_rows, truth, write_input
from lab.spark.scenario import JOB, Scenario
from lab.spark.triage import Verdict, capture_and_triage

_ALONE = FaultSpec()
_COMPACT = f"CALL lake.system.rewrite_data_files(table => '{TARGET}', options => map('rewrite-all', 'true'))"
_EXPIRE = (
    f"CALL lake.system.expire_snapshots(table => '{TARGET}', older_than => TIMESTAMP '2100-01-01', retain_last => 1)"
)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one seed gave."""

    scenario: Scenario
    run_id: str
    error: str
    """The failed run's ErrorMessage."""
    rerun_harmless: bool
    rerun_error: str | None
    differences: dict[str, str]
    """Table to what differs from the truth after the rerun."""
    left: dict[str, int]
    """Table to the rows of the failing batch that readers saw before the rerun."""
    live: Verdict
    bundle: Verdict
    seconds: float


@dataclass
class _Played:
    run_id: str = ""
    error: str = ""


class Seed:
    """Plays one scenario with two driver processes: the job's, and everyone else's."""

    def __init__(self, scenario: Scenario, folder: Path, job: Driver, others: Driver) -> None:
        self.scenario = scenario
        self.folder = folder
        self.platform = Platform(folder / "platform", scenario)
        self._job = job
        self._others = others
        self._before = ""
        """The target's snapshot before the failing run, for a rollback."""

    def play(self) -> Result:
        """Do all of it.

        Raises:
            DriverError: Spark broke in a way that the scenario does not ask for.
        """
        began = time.monotonic()
        self.platform.create()
        self._statements(table_statements(self.scenario))
        for batch in self.scenario.batches[: self.scenario.good]:
            self._good(batch)
        failed = self._fail()
        self._afterwards()
        live, bundle = capture_and_triage(self.platform.config, f"local:{JOB}/{failed.run_id}", self.folder / "bundle")
        before = self.folder / "platform.before"
        shutil.rmtree(before, ignore_errors=True)
        shutil.copytree(self.platform.folder, before)
        left = self._left()
        rerun_error = self._rerun()
        differences = self._differences()
        # Back at its path, so that the seed can be triaged again by hand.
        shutil.rmtree(self.platform.folder)
        before.rename(self.platform.folder)
        return Result(
            scenario=self.scenario,
            run_id=failed.run_id,
            error=failed.error,
            rerun_harmless=not differences,
            rerun_error=rerun_error,
            differences=differences,
            left=left,
            live=live,
            bundle=bundle,
            seconds=round(time.monotonic() - began, 1),
        )

    # Runs of the job

    def _good(self, batch: str) -> None:
        write_input(self.platform.source(batch), orders_of(self.scenario, batch), broken=False)
        error = self._run(self.platform.new_run_id(), batch, _ALONE)
        if error is not None:
            raise DriverError(f"a good batch failed: {error}")

    def _fail(self) -> _Played:
        scenario, batch = self.scenario, self.scenario.failing
        if scenario.cause != "missing":
            write_input(self.platform.source(batch), orders_of(scenario, batch), broken=scenario.cause == "value")
        run_id = self.platform.new_run_id()
        self._before = self._current() if scenario.afterwards == "rollback" else ""
        error = self._run(run_id, batch, self._fault())
        if error is None:
            raise DriverError("the run that should fail went well")
        if not scenario.retried:
            return _Played(run_id, error)
        glue = scenario.retried == "glue"
        second = f"{run_id}_attempt_1" if glue else self.platform.new_run_id()
        fault = FaultSpec(point="start", cause="service")
        if scenario.mended:
            fault = replace(fault, gate=self._gate(), gate_point="start")
        error = self._run(second, batch, fault, attempt=int(glue), previous=run_id if glue else None)
        return _Played(second, error or "")

    def _rerun(self) -> str | None:
        batch = self.scenario.failing
        write_input(self.platform.source(batch), orders_of(self.scenario, batch), broken=False)
        return self._run(self.platform.new_run_id(), batch, _ALONE)

    def _run(
        self, run_id: str, batch: str, fault: FaultSpec, *, attempt: int = 0, previous: str | None = None
    ) -> str | None:
        """Run the job once; gives its error, None when it went well."""
        document = self.platform.start(run_id, batch, attempt=attempt, previous=previous)
        mark = self._job.mark()
        self._job.send(self._job_command(run_id, batch, fault))
        if fault.gate:
            self._write_meanwhile(Path(fault.gate), mend=self.scenario.mended)
        answer = self._job.answer()
        if answer is None:
            error: str | None = "Command failed with exit code 137"
        elif answer.get("broken"):
            raise DriverError(str(answer["error"]))
        else:
            error = None if answer["ok"] else str(answer["error"])
        self.platform.end(document, error, self._job.log.read_bytes()[mark:])
        return error

    def _job_command(self, run_id: str, batch: str, fault: FaultSpec) -> dict[str, Any]:
        scenario, platform = self.scenario, self.platform
        arguments = {
            "run_id": run_id,
            "batch_id": batch,
            "source_path": f"{platform.source(batch)}/",
            "warehouse": str(platform.warehouse),
            "control": platform.control,
            "mode": scenario.mode,
            "shops": scenario.shops,
            "stamped": scenario.stamped,
            "validate": scenario.point == "conflict" and scenario.mode == "dynamic_api",
            "wap_by_batch": scenario.wap_by_batch,
            "branch_replaced": scenario.branch_replaced,
            "fault": asdict(fault),
        }
        conf = {"spark.cloudwatch.logging.conf.jobRunId": run_id}
        conf["spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version"] = str(scenario.algorithm)
        return self._command("job", f"nativespark-{JOB}-{run_id}", str(platform.raw_events(run_id)), conf) | {
            "arguments": arguments
        }

    def _fault(self) -> FaultSpec:
        scenario = self.scenario
        table = self.platform.warehouse / "sales" / "orders"
        spec = FaultSpec(point=scenario.point, cause=scenario.cause, after=scenario.after, shop=scenario.shops[-1])
        if scenario.point == "commit":
            # Iceberg writes the manifest list just before the new metadata file is renamed into place; a file
            # committer moves the first file out of _temporary just before the others.
            glob = "metadata/v*.metadata.json" if scenario.landed else "metadata/snap-*.avro"
            glob = "order_date=*/shop=*/part-*" if scenario.plain else glob
            spec = replace(spec, watch=f"{table}::{glob}")
        if scenario.other:
            point = scenario.point if scenario.point in {"between", "start"} else "udf"
            spec = replace(spec, gate=self._gate(), gate_point=point)
        return spec

    def _gate(self) -> str:
        gate = self.folder / "gate"
        shutil.rmtree(gate, ignore_errors=True)
        gate.mkdir(parents=True)
        return str(gate)

    # Everyone else

    def _write_meanwhile(self, gate: Path, *, mend: bool) -> None:
        deadline = time.monotonic() + 120
        while not (gate / "reached").exists():
            if time.monotonic() > deadline:
                raise DriverError("the run never reached its gate")
            time.sleep(0.02)
        if mend:
            self._mend()
        else:
            properties = {"glue-job-run-id": f"jr_{'5' * 64}"} if self.scenario.other_stamped else {}
            self._append(others_rows(self.scenario), "nativespark-web_orders", properties)
        (gate / "go").touch()

    def _append(self, rows: list[Order], app: str, properties: dict[str, str]) -> None:
        command = self._command("statements", app, str(self.folder / "other_events"), {})
        command |= {"rows": rows, "properties": properties}
        if self.scenario.plain:
            command["path"] = f"file://{self.platform.warehouse}/sales/orders"
        self._others.ask(command)
        self.platform.drop_checksums()

    def _statements(self, statements: list[str]) -> None:
        if statements:
            command = self._command("statements", "spark-sql", str(self.folder / "other_events"), {})
            self._others.ask(command | {"statements": statements})
            self.platform.drop_checksums()

    def _afterwards(self) -> None:
        scenario = self.scenario
        match scenario.afterwards:
            case "later":
                self._good(scenario.batches[-1])
            case "compaction":
                self._statements([_COMPACT])
            case "expiry":
                self._statements([_COMPACT, _EXPIRE])
            case "rollback":
                call = f"CALL lake.system.rollback_to_snapshot('{TARGET}', {self._before})"
                self._statements([call])
            case "undo":
                self._statements([f"DELETE FROM lake.{TARGET} WHERE order_date = '{scenario.failing}'"])  # noqa: S608
            case "fix":
                self._mend()
            case _:
                pass

    def _mend(self) -> None:
        """Insert by hand what the batch has not written."""
        missing = Counter(orders_of(self.scenario, self.scenario.failing)) - self._read()["target"]
        self._append(list(missing.elements()), "spark-sql", {})

    def _current(self) -> str:
        metadata = self.platform.warehouse / "sales" / "orders" / "metadata"
        version = (metadata / "version-hint.text").read_text(encoding="ascii").strip()
        document = json.loads((metadata / f"v{version}.metadata.json").read_text(encoding="utf-8"))
        return str(document["current-snapshot-id"])

    # Comparing

    def _read(self) -> dict[str, Rows]:
        target = str(self.platform.warehouse / "sales" / "orders") if self.scenario.plain else f"lake.{TARGET}"
        tables = {"target": target} | ({"staging": f"lake.{STAGING}"} if self.scenario.staged else {})
        command = self._command("read", "reader", str(self.folder / "other_events"), {})
        found = self._others.ask(command | {"tables": list(tables.values())})["tables"]
        return {role: Counter(Order(*row) for row in found[name]) for role, name in tables.items()}

    def _left(self) -> dict[str, int]:
        batch = set(orders_of(self.scenario, self.scenario.failing))
        found = self._read()
        return {role: sum(count for row, count in rows.items() if row in batch) for role, rows in found.items()}

    def _differences(self) -> dict[str, str]:
        wanted, found = truth(self.scenario), self._read()
        shown = {}
        for role, rows in found.items():
            lost, extra = wanted[role] - rows, rows - wanted[role]
            if lost or extra:
                shown[role] = f"{lost.total()} rows lost, {extra.total()} rows too many"
        return shown

    def _command(self, action: str, app: str, events: str, conf: dict[str, str]) -> dict[str, Any]:
        warehouse = str(self.platform.warehouse)
        return {"action": action, "app": app, "warehouse": warehouse, "events": events, "conf": conf}
