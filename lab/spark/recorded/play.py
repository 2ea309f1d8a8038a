"""Plays one variant from end to end: good batches, the failing run, the capture, and whether a rerun does harm."""

import random
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from lab.spark.recorded.feeds import write_feed
from lab.spark.recorded.lake import Lake
from lab.spark.recorded.process import Process, ProcessError, iceberg_jar
from lab.spark.recorded.program import Program, Variant
from lab.spark.recorded.rest_catalog import Catalog
from lab.spark.recorded.services import Services
from lab.spark.recorded.tables import state_of
from lab.spark.recorded.wrapper import Line, error_message, launcher_lines, lines_of
from pipetriage.bootstrap import open_app

_DOCUMENTS = ("runs", "logs", "events", "input")
"""What a rerun writes and the capture reads: put back afterwards, so that a play can be captured again."""


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What one variant left; the rest is in its folder."""

    case: str
    program: str
    number: int
    run_id: str
    error: str | None
    """The failing run's ErrorMessage; None: it succeeded."""
    touched: bool
    """The run changed what a table's metadata or folder holds."""
    rerun_harmless: bool | None
    measured: str
    """How that is known."""
    seconds: float
    lines: list[tuple[int, bool, str]] = []


class Play:
    """One variant being played."""

    def __init__(
        self, program: Program, number: int, folder: Path, processes: tuple[Process, Process], services: Services
    ) -> None:
        self.program = program
        self.number = number
        self.variant: Variant = program.variants[number]
        self.folder = folder
        self.lake = Lake(folder / "platform", program, self.variant)
        self._job, self._others = processes
        self._services = services
        self._chance = random.Random(f"play {self.lake.seed}")
        self._others_wrote = 0
        """How often another application wrote while the failing run was in progress."""
        self._width = "full" if self.variant.full_log else self._chance.choice(("narrow", "narrow", "middle"))

    def play(self) -> Played:
        """Do all of it.

        Raises:
            ProcessError: Spark broke in a way that the program does not ask for, or did not fail.
        """
        began, lake = time.monotonic(), self.lake
        lake.create()
        self._services.files, self._services.catalog = lake.folder, Catalog(lake.warehouse)
        for name, text in self.program.setup_files.items():
            file = lake.folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(lake.words(text), encoding="utf-8")
        self._derby(self.program.derby)
        self._statements(lake.statements())
        for batch in lake.batches[: self.variant.good]:
            self._write_input(batch, broken=False)
            self._must(self._run(lake.new_run_id(), batch, good=True))
        before, warehouse = self._states(), self.folder / "before"
        shutil.rmtree(warehouse, ignore_errors=True)
        shutil.copytree(lake.warehouse, warehouse)
        run_id, error, lines = self._failing()
        touched = self._states() != before
        if self.variant.later:
            self._write_input(lake.batches[-1], broken=False)
            self._must(self._run(lake.new_run_id(), lake.batches[-1], good=True))
        self._capture(run_id)
        harmless, measured = self._harm(warehouse) if touched else (True, "nothing of it was committed or visible")
        return Played(
            case=f"rec_{self.program.name}_{self.number + 1:02}",
            program=self.program.name,
            number=self.number,
            run_id=run_id,
            error=error,
            touched=touched,
            rerun_harmless=harmless,
            measured=measured,
            seconds=round(time.monotonic() - began, 1),
            lines=[(one.at, one.own, one.text) for one in lines],
        )

    def _failing(self) -> tuple[str, str | None, list[Line]]:
        lake, batch = self.lake, self.lake.failing
        self._write_input(batch, broken=True)
        lake.deploy()
        if self.program.place is not None:
            self.program.place(lake.folder)
        self._statements([lake.words(one) for one in self.program.upset])
        self._derby(self.program.derby_upset)
        if self.variant.earlier:
            self._run(lake.new_run_id(), batch, good=False)
        run_id = lake.new_run_id()
        error, lines = self._run(run_id, batch, good=False)
        if (error is None) is not self.program.succeeds:
            raise ProcessError(f"{self.program.name} {self.number}: ended with {error}")
        if self.program.unplace is not None:
            self.program.unplace(lake.folder)
        return run_id, error, lines

    # Runs

    def _run(self, run_id: str, batch: str, *, good: bool) -> tuple[str | None, list[Line]]:
        """Run the program once; gives its ErrorMessage, None when it went well, and its log."""
        lake, program, variant = self.lake, self.program, self.variant
        script = lake.folder / "scripts" / f"{lake.domain.job}.py"
        script.write_text(lake.words(program.text(variant, good=good)), encoding="utf-8")
        faults = program.faults if variant.faults is None else variant.faults
        self._services.begin(() if good else faults)
        self._services.meanwhile = self._write_meanwhile
        arguments = self._arguments(batch, good=good)
        document, mark = lake.start(run_id, arguments), self._job.mark()
        started = time.time()
        listed = [part for pair in arguments.items() for part in pair]
        raw_events = lake.folder / "raw_events" / run_id
        raw_events.mkdir(parents=True)
        command = {"action": "script", "script": str(script), "arguments": ["--JOB_NAME", lake.domain.job, *listed]}
        command |= self._session(f"nativespark-{lake.domain.job}-{run_id}", raw_events) | {"cwd": str(lake.scratch)}
        ended = threading.Event()
        if variant.kill and not good:
            self._kill_when(variant.kill, ended)
        self._job.send(command)
        limit = None if good else program.timeout
        answer = self._job.answer(limit or program.seconds)
        ended.set()
        if answer is not None and answer.get("broken"):
            raise ProcessError(str(answer["error"]))
        chance = random.Random(f"end {run_id}")
        error = None if answer is not None and answer["ok"] else error_message(answer, variant.glue, chance)
        raw = self._job.log.read_bytes()[mark:].decode("utf-8", "replace")
        lines = lines_of(raw, variant.glue, self._width, started)
        lines += launcher_lines(answer, variant.glue, str(script), chance)
        timed_out = limit is not None and answer is None
        error = "" if timed_out else error
        lake.end(document, error, "".join(f"{one.text}\n" for one in lines), "TIMEOUT" if timed_out else "FAILED")
        self._services.begin(())
        return error, lines

    def _arguments(self, batch: str, *, good: bool) -> dict[str, str]:
        lake = self.lake
        source = lake.source(batch)
        arguments = {"--batch_id": batch, "--source_path": f"file://{source}/"}
        if self.program.source:
            arguments["--source_path"] = self._filled(self.program.source, batch)
        if any(table.format == "parquet" for table in self.program.tables):
            arguments["--target_path"] = f"file://{lake.table_folder(self.program.tables[0])}"
        more = self.program.arguments
        if not good:
            more += self.variant.broken_arguments or self.program.broken_arguments
        for name, value in zip(more[::2], more[1::2], strict=True):
            arguments[name] = self._filled(value, batch)
        return arguments

    def _filled(self, value: str, batch: str) -> str:
        lake, address = self.lake, self._services.address
        places = {
            "{rates}": f"http://{address}/api/rates", "{hdfs}": f"webhdfs://{address}", "{work}": str(lake.scratch),
            "{gone}": f"https://rates.{lake.domain.bucket}.example/rates", "{refused}": "http://127.0.0.1:9/api/rates",
            "{input}": f"file://{lake.folder}/input", "{warehouse}": f"file://{lake.warehouse}", "{batch}": batch,
            "{relative}": str(lake.source(batch).relative_to(lake.folder)), "{bucket}": f"{lake.domain.bucket}-raw",
        }  # fmt: skip
        for place, filled in places.items():
            value = value.replace(place, filled)
        return lake.words(value)

    def _session(self, app: str, events: Path) -> dict[str, Any]:
        conf = {
            "spark.master": self.program.master,
            "spark.driver.host": "localhost",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.default.parallelism": "2",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.rolling.enabled": "false",
            "spark.eventLog.compress": "false",
            "spark.eventLog.dir": f"file://{events}",
            "spark.sql.session.timeZone": "UTC",
            # Paths are longer here than on S3; cut short, they could not be made neutral.
            "spark.sql.maxMetadataStringLength": "400",
            "spark.sql.warehouse.dir": f"file://{self.lake.scratch}/spark-warehouse",
        }
        if self._job.kind.spark == "3.5":
            catalog = "spark.sql.catalog.lake"
            conf |= {
                "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
                catalog: "org.apache.iceberg.spark.SparkCatalog",
                f"{catalog}.warehouse": f"file://{self.lake.warehouse}",
                f"{catalog}.cache-enabled": "false",
                f"{catalog}.type": self.program.catalog,
            }
            if self.program.catalog == "rest":
                conf |= {
                    f"{catalog}.uri": f"http://{self._services.address}/iceberg",
                    f"{catalog}.io-impl": "org.apache.iceberg.hadoop.HadoopFileIO",
                    f"{catalog}.rest.client.max-retries": "1",
                }
        if self.program.master.startswith("local-cluster"):
            conf["spark.executor.extraClassPath"] = str(iceberg_jar())
        return {"app": app, "conf": conf | self.program.conf | self.variant.conf}

    # Others

    def _statements(self, statements: list[str]) -> None:
        """Run statements as somebody else; through the catalog's own files, whatever catalog the job uses."""
        if not statements:
            return
        self._others.ask({"action": "statements", "statements": statements} | self._others_session())
        self.lake.drop_checksums()

    def _derby(self, statements: tuple[str, ...]) -> None:
        """Run statements in the Derby database, by the job's own JVM: an embedded database belongs to one."""
        if statements:
            url = f"jdbc:derby:{self.lake.scratch}/desk;create=true;user=DBA;password=dba"
            listed = [self.lake.words(one) for one in statements]
            self._job.ask({"action": "derby", "url": url, "statements": listed} | self._others_session())

    def _others_session(self) -> dict[str, Any]:
        session = self._session("spark-sql", self.folder / "other_events")
        session["conf"] |= {"spark.eventLog.enabled": "false", "spark.master": "local[2]"}
        if self._others.kind.spark == "3.5":
            session["conf"]["spark.sql.catalog.lake.type"] = "hadoop"
        return session

    def _write_meanwhile(self) -> None:
        if self.program.meanwhile_files is not None:
            self.program.meanwhile_files(self.lake.source(self.lake.failing))
        self._statements([self._of_batch(one, self.lake.failing) for one in self.program.meanwhile])
        self._others_wrote += 1

    def _of_batch(self, statement: str, batch: str) -> str:
        short = batch.replace("-", "")
        return self.lake.words(statement).replace("{batch}", batch).replace("{short}", short)

    def _write_input(self, batch: str, *, broken: bool) -> None:
        write_feed(self.lake, batch, broken=broken, export=self._export)
        if self.program.beside is not None:
            self.program.beside(self.lake.folder, self.lake.domain, batch, broken)
        if not broken:
            self._statements([self._of_batch(one, batch) for one in self.program.prepare])

    def _export(self, command: dict[str, Any]) -> None:
        self._others.ask({"action": "parquet"} | command | self._others_session())
        self.lake.drop_checksums()

    def _kill_when(self, glob: str, ended: threading.Event) -> None:
        there = set(self.lake.warehouse.glob(self.lake.words(glob)))

        def poll() -> None:
            while not ended.is_set():
                if set(self.lake.warehouse.glob(self.lake.words(glob))) - there:
                    self._job.end_hard()
                    return
                time.sleep(0.002)

        threading.Thread(target=poll, daemon=True).start()

    def _must(self, ended: tuple[str | None, list[Line]]) -> None:
        if ended[0] is not None:
            raise ProcessError(f"{self.program.name} {self.number}: a good batch failed: {ended[0]}")

    # Afterwards

    def _capture(self, run_id: str) -> None:
        capture(self.lake, run_id, self.folder)

    def _states(self) -> list[Any]:
        return [state_of(one, self.lake.table_folder(one)) for one in self.program.tables]

    def _harm(self, before: Path) -> tuple[bool | None, str]:
        """Run the batch again with the cause cleared, on what was there before and on what the failing run left."""
        if self.variant.later:
            return None, "not measured: a later batch is there"
        lake, batch = self.lake, self.lake.failing
        left = self.folder / "left"
        shutil.rmtree(left, ignore_errors=True)
        shutil.move(lake.warehouse, left)
        documents = self.folder / "documents"
        for name in _DOCUMENTS:
            shutil.rmtree(documents / name, ignore_errors=True)
            shutil.copytree(lake.folder / name, documents / name)
        self._write_input(batch, broken=False)
        found = []
        for start in (before, left):
            shutil.rmtree(lake.warehouse, ignore_errors=True)
            shutil.copytree(start, lake.warehouse)
            self._statements([lake.words(one) for one in self.program.undo])
            error, _ = self._run(lake.new_run_id(), batch, good=True)
            if start is before:
                # What others wrote meanwhile is to be kept, whoever comes last.
                self._statements([self._of_batch(one, batch) for one in self.program.meanwhile] * self._others_wrote)
            found.append((error, self._rows()))
        shutil.rmtree(lake.warehouse, ignore_errors=True)
        shutil.move(left, lake.warehouse)
        for name in _DOCUMENTS:
            shutil.rmtree(lake.folder / name)
            shutil.move(documents / name, lake.folder / name)
        if found[0][0] is not None:
            return None, f"not measured: a clean run failed ({found[0][0][:80]})"
        same = found[0][1] == found[1][1]
        return same, f"a rerun with the cause cleared left the tables {'right' if same else 'wrong'}"

    def _rows(self) -> dict[str, list[str]]:
        names = [
            f"lake.{self.lake.table_name(one)}" if one.format == "iceberg" else str(self.lake.table_folder(one))
            for one in self.program.tables
        ]
        answer = self._others.ask({"action": "read", "tables": names} | self._others_session())
        return dict(answer["tables"])


def capture(lake: Lake, run_id: str, folder: Path) -> None:
    """Capture a played run through the public path, into the play's folder."""
    bundle = folder / "bundle"
    shutil.rmtree(bundle, ignore_errors=True)
    app = open_app(config=lake.config, use_store=False)
    app.capture(f"local:{lake.domain.job}/{run_id}", bundle)  # type: ignore[attr-defined,unused-ignore]
