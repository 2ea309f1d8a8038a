"""What happened: one case's run, its tables and its neighbours, decided by the case's name alone."""

import random
from datetime import UTC, datetime, timedelta

from lab.composed.iceberg import Commit, DataFile, Table
from lab.composed.pipelines import BY_REGION, DAILY, PIPELINES, PipelineSpec
from lab.composed.words import Case
from tools.starter_blocks import ACCOUNT, REGION, GlueJob, app_id, digest, run_id, uuid

DAY = timedelta(days=1)
_FIRST_DAY = datetime(2026, 9, 14, tzinfo=UTC)


class Good:
    """One earlier run that went well."""

    def __init__(self, job: str, started: datetime, seconds: int) -> None:
        self.batch = f"{started - DAY:%Y-%m-%d}"
        self.started, self.seconds = started, seconds
        self.run = run_id(job, f"{self.batch}/{started.isoformat()}")


class World:
    """One case's run and everything around it."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.random = random.Random(int(digest("composed", case.name)[:12], 16))
        self.spec = self._pipeline()
        self.glue = case.variant.glue or self.random.choice(("4.0", "5.0"))
        self.started = self._start()
        self.seconds = case.fault.seconds or self._takes()
        self.ended = self.started + timedelta(seconds=self.seconds)
        self.batch = f"{self.started - DAY:%Y-%m-%d}"
        self.job = self._job()
        self.good = [
            Good(self.job.name, self.started - n * DAY, round(self.spec.minutes * 60) + self.random.randrange(-25, 40))
            for n in range(1, 3 if self.spec.regions else 4)
        ]
        self.run = run_id(self.job.name, f"{self.batch}/{self.started.isoformat()}/{case.name}")
        if "engine_retried" in self.extras:
            self.run += "_attempt_1"
        self.app = app_id(self.run)
        self.table = self._table()
        self.history = len(self.table.commits)
        self.later: Good | None = None
        self.behind = timedelta()
        self._leave()

    @property
    def extras(self) -> frozenset[str]:
        """Give the case's circumstances."""
        return self.case.extras()

    def parameter(self, name: str) -> str | None:
        """Give the value of a circumstance written ``name:value``."""
        found = next((one.split(":", 1)[1] for one in sorted(self.extras) if one.startswith(f"{name}:")), None)
        return found if found is None or "«" not in found else self.fill(found)

    def _pipeline(self) -> PipelineSpec:
        if self.case.variant.pipeline:
            return PIPELINES[self.case.variant.pipeline]
        several = self.case.variant.written == "some"
        names = BY_REGION if several or self.random.random() < 0.25 else DAILY
        return PIPELINES[self.random.choice(names)]

    def _start(self) -> datetime:
        hour = datetime.fromisoformat(f"2026-01-01T{self.spec.hour}+00:00")
        day = _FIRST_DAY + self.random.randrange(70) * DAY
        milliseconds = self.random.randrange(1000)
        return day.replace(hour=hour.hour, minute=hour.minute, second=hour.second, microsecond=milliseconds * 1000)

    def _takes(self) -> int:
        """Give the seconds of a run that got as far as this one."""
        full = self.spec.minutes * 60
        share = {"launch": 0.05, "start": 0.12, "read": 0.3, "tasks": 0.7, "write": 0.8, "commit": 0.9, "end": 1.0}
        part = share[self.case.fault.point]
        part = {"some": 0.65, "all": 0.95}.get(self.case.variant.written, part)
        return max(24, round(full * part) + self.random.randrange(0, 20))

    def _job(self) -> GlueJob:
        arguments = {
            "--source_root": f"s3://{self.spec.source.split('{')[0]}",
            "--target": self.spec.table,
            "--enable-continuous-cloudwatch-log": "true" if self.random.random() < 0.5 else "false",
        }
        if "bookmark" in self.extras:
            arguments["--job-bookmark-option"] = "job-bookmark-enable"
        return GlueJob(self.spec.name, self.glue, arguments, workers=self.spec.workers)

    @property
    def continuous(self) -> bool:
        """Whether the job logs continuously (Glue 4.0 and before)."""
        return self.job.arguments["--enable-continuous-cloudwatch-log"] == "true"

    def stamps(self, run: str, batch: str) -> tuple[tuple[str, str], ...]:
        """Give what the job adds to the summary of its commits."""
        return (("glue-job-run-id", run), ("batch_id", batch)) if self.spec.stamp == "run" else ()

    def _table(self) -> Table:
        columns = dict(self.spec.columns)
        day = self.spec.columns[-1][0]
        fields = (day, "region") if self.spec.regions else (day,)
        created = self.good[-1].started - 1 * DAY - timedelta(hours=3)
        table = Table(self.spec.table, "acme-lake", columns, fields, created, self.glue)
        for good in reversed(self.good):
            marks = [good.started + timedelta(seconds=good.seconds - 20 - 30 * n) for n in range(len(self.parts()))]
            for value, at in zip(self.parts(), reversed(marks), strict=True):
                table.commits.append(self.commit(table, good.batch, good.run, app_id(good.run), at, value))
        return table

    def parts(self) -> tuple[str, ...]:
        """Give what each commit of a batch writes: a region, or the whole day."""
        return self.spec.regions or ("",)

    def commit(self, table: Table, batch: str, run: str, app: str, at: datetime, part: str) -> Commit:
        """Make one commit of a batch to the table, in the mode of the case."""
        partition = ((self.spec.columns[-1][0], batch), *((("region", part),) if part else ()))
        size = 2_400_000 + int(digest(self.spec.table, batch, part)[:5], 16) * 5
        added = [DataFile(partition, size // 61, size)]
        replaced: tuple[tuple[int, int], ...] = ()
        if self.case.variant.mode == "overwrite_partitions":
            replaced = self._live(table, partition)
        if self.case.variant.mode == "merge":
            # A merge rewrites the files whose rows it updates; late changes hit the day before.
            before = len(table.commits) - len(self.parts())
            if before >= 0:
                old = table.commits[before].added[0]
                replaced = ((before, 0),) if self._is_live(table, (before, 0)) else ()
                added += [DataFile(old.partition, old.records, old.size + 900)] if replaced else []
        mode = self.case.variant.mode
        operation = "append" if mode == "append" or (mode == "merge" and not replaced) else "overwrite"
        return Commit(
            at=at,
            operation=operation,
            added=tuple(added),
            app=app,
            stamps=self.stamps(run, batch),
            replaces=replaced,
            dynamic=mode == "overwrite_partitions",
        )

    @staticmethod
    def _is_live(table: Table, spot: tuple[int, int]) -> bool:
        return all(spot not in commit.replaces for commit in table.commits)

    def _live(self, table: Table, partition: tuple[tuple[str, str], ...]) -> tuple[tuple[int, int], ...]:
        return tuple(
            (place, number)
            for place, commit in enumerate(table.commits)
            for number, file in enumerate(commit.added)
            if file.partition == partition and self._is_live(table, (place, number))
        )

    def wrote(self) -> tuple[str, ...]:
        """Give the parts that the batch committed."""
        parts = self.parts()
        match self.case.variant.written:
            case "all":
                return parts
            case "some":
                return parts[: 1 + self.random.randrange(len(parts) - 1)]
            case _:
                return ()

    @staticmethod
    def _share(number: int, count: int) -> float:
        """Give the part of the run's time after which its commit of that number, of so many, lands."""
        return 0.3 + 0.6 * (number + 1) / (count + 0.6)

    def _leave(self) -> None:
        """Play what this run, and others after it, left in the table."""
        run, began, wrote = self.run, self.started, self.wrote()
        if "earlier_committed" in self.extras:
            run, began = run.removesuffix("_attempt_1"), self.started - timedelta(seconds=self.seconds + 70)
        if "skewed_clock" in self.extras:
            # The writers' clock is behind: the first commit seems to be from before the run.
            self.behind = timedelta(seconds=round(self.seconds * self._share(0, len(wrote))) + 40)
        for number, part in enumerate(wrote):
            at = began + timedelta(seconds=round(self.seconds * self._share(number, len(wrote)), 1)) - self.behind
            self.table.commits.append(self.commit(self.table, self.batch, run, app_id(run), at, part))
        # What an earlier attempt committed is not in this run's log.
        first = len(self.table.commits) if run != self.run else self.history
        self.commits = range(first, len(self.table.commits))
        if (other := self.parameter("other_writer")) is not None:
            self._other_writer(other)
        if self.case.variant.written == "leftovers":
            day = self.spec.columns[-1][0]
            for number in range(1 + self.random.randrange(4)):
                folder = f"{day}={self.batch}" + (f"/region={self.spec.regions[0]}" if self.spec.regions else "")
                name = f"{number:05d}-{30 + number}-{uuid('left', self.run, number)}-0-00001.parquet"
                at = self.ended - timedelta(seconds=9 - number)
                self.table.leftovers.append((f"{folder}/{name}", 1_204_311 + 977 * number, at))
        if "later_batch" in self.extras:
            self._later()

    def _other_writer(self, kind: str) -> None:
        """Play another application's commit during the run: to a day before, to this one, or a compaction."""
        at = self.ended - timedelta(seconds=14)
        old = self.table.commits[self.history - 1].added[0]
        app = "" if kind == "compaction" else f"application_17600000{self.random.randrange(10**5):05d}_0042"
        file = DataFile(old.partition, 412, 31_077)
        replaced: tuple[tuple[int, int], ...] = ()
        if kind == "same":
            file = DataFile(
                tuple((name, self.batch if name != "region" else value) for name, value in old.partition), 412, 31_077
            )
        if kind == "compaction":
            file = DataFile(old.partition, old.records, old.size - 7_000)
            replaced = ((self.history - 1, 0),)
        operation = "replace" if kind == "compaction" else "append"
        self.table.commits.append(Commit(at=at, operation=operation, added=(file,), app=app, replaces=replaced))

    def _later(self) -> None:
        """Play the next day's batch, which went well before anyone looked."""
        next_day = Good(self.job.name, self.started + DAY, round(self.spec.minutes * 60))
        self.later = next_day
        for number, part in enumerate(self.parts()):
            at = next_day.started + timedelta(seconds=200 + 40 * number)
            commit = self.commit(self.table, next_day.batch, next_day.run, app_id(next_day.run), at, part)
            self.table.commits.append(commit)

    def source(self) -> str:
        """Give this batch's input path, without scheme."""
        return self.spec.source.replace("{batch}", self.batch)

    def fill(self, text: str) -> str:
        """Put the case's names into a template (``«name»``)."""
        bucket, _, prefix = self.source().partition("/")
        names = {
            "table": self.spec.table,
            "db": self.table.database,
            "tbl": self.table.table,
            "raw_db": "raw",
            "raw_tbl": f"{self.spec.name}_raw",
            "source": f"s3://{self.source().rstrip('/')}",
            "bucket": bucket,
            "prefix": prefix,
            "lake": self.table.location,
            "job": self.job.name,
            "run": self.run,
            "batch": self.batch,
            "account": ACCOUNT,
            "region": REGION,
            "role": f"arn:aws:sts::{ACCOUNT}:assumed-role/GlueJobRole/GlueJobRunnerSession",
            "iam_role": f"arn:aws:iam::{ACCOUNT}:role/GlueJobRole",
            "request": uuid("request", self.run),
            "s3_request": digest("s3", self.run)[:16].upper(),
            "script": f"s3://aws-glue-assets-{ACCOUNT}-{REGION}/scripts/{self.job.name}.py",
            "key": f"{uuid('key', self.spec.table)}",
            "host": "172.35.18.204",
            "column": self.spec.columns[1][0],
            "day": self.spec.columns[-1][0],
            "file": f"part-00003-{uuid('file', self.run)}-c000.snappy.parquet",
            "snapshot": str(self.table.snapshot(self.history - 1)),
        }
        for name, value in names.items():
            text = text.replace(f"«{name}»", value)
        return text
