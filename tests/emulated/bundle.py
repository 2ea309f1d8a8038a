"""Puts an incident bundle into the emulated account, so that a live triage finds there what the bundle says."""

from pathlib import Path
from typing import Any

import msgspec
from boto3.dynamodb.types import TypeDeserializer

from pipetriage.model.times import parse_time
from pipetriage.sources.files import read_json, read_json_lines
from pipetriage.sources.logs import FileLog
from tests.emulated.account import EmulatedAccount
from tests.emulated.iceberg import put_manifests
from tests.emulated.sampled import SAMPLED, sample_of

EVIDENCE_BUCKET = "acme-evidence"
"""Where documents go that a bundle holds and no AWS service serves."""

_ROLES = ("target", "staging")
_OBSERVABILITY = {"skewness": "job_performance", "error": "error", "succeed": "error", "workerUtilization": "resource"}


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """What was put where."""

    target: str
    """What to triage: ``glue:JOB/RUN``."""
    manifest: dict[str, Any]
    """bundle.json, with the declared pipeline."""
    documents: dict[str, str]
    """Files that no AWS service serves, by their path in the bundle: where they lie in S3."""
    left_out: tuple[str, ...]
    """Files that have no place in the account."""


def load_bundle(account: EmulatedAccount, folder: Path) -> Loaded:
    """Put all of a bundle's evidence into the account."""
    manifest = read_json(folder / "bundle.json")
    loader = _Loader(account, folder, manifest)
    loader.glue()
    loader.logs()
    # A listing says nothing of the objects' bytes; the table's own files then get theirs.
    loader.listings()
    for role in _ROLES:
        loader.table(role)
    loader.tables()
    loader.sample()
    loader.control()
    loader.around()
    documents = loader.documents()
    return Loaded(
        target=f"glue:{loader.job}/{loader.run_id}",
        manifest=manifest,
        documents=documents,
        left_out=tuple(sorted(loader.paths() - loader.used - documents.keys() - {"bundle.json", "expected.yaml"})),
    )


class _Loader:
    def __init__(self, account: EmulatedAccount, folder: Path, manifest: dict[str, Any]) -> None:
        self._account = account
        self._folder = folder
        self._manifest = manifest
        self.used: set[str] = set()
        self.job = str(manifest["run"]["job_name"])
        self.run_id = str(manifest["run"]["job_run_id"])

    def paths(self) -> set[str]:
        return {str(path.relative_to(self._folder)) for path in self._folder.rglob("*") if path.is_file()}

    def _json(self, path: str) -> Any:
        """Read a file of the bundle that will be put into the account; None when it is absent."""
        document = self._read(path)
        if document is not None:
            self.used.add(path)
        return document

    def _read(self, path: str) -> Any:
        return read_json(self._folder / path) if (self._folder / path).is_file() else None

    def glue(self) -> None:
        if job := self._json("glue/job.json"):
            body = dict(job.get("Job", job))
            if (self._folder / "spark").is_dir():
                folder = f"s3://{EVIDENCE_BUCKET}/{self.job}/spark/"
                body["DefaultArguments"] = {"--spark-event-logs-path": folder, **body.get("DefaultArguments", {})}
            self._account.put_job(body)
        runs = (self._json("glue/job_runs.json") or {}).get("JobRuns", [])
        if run := self._json("glue/job_run.json"):
            # The run's own document counts, should the history have been read earlier.
            runs = [*runs, run.get("JobRun", run)]
        for one in runs:
            self._account.put_run({"JobName": self.job, **one})
        if bookmark := self._json("glue/job_bookmark.json"):
            self._account.put_bookmark(bookmark.get("JobBookmarkEntry", bookmark))
        if ruleset := self._json("glue/data_quality_ruleset.json"):
            self._account.put_ruleset(ruleset)
        for result in self._json("data_quality/results.json") or ():
            self._account.put_quality_result(result)
        if table := self._json("glue/table.json"):
            self._account.put_table(table.get("Table", table))

    def logs(self) -> None:
        logs = self._folder / "logs"
        files = tuple(sorted(path for path in logs.rglob("*") if path.is_file()))
        self.used.update(str(path.relative_to(self._folder)) for path in files)
        # A line without a time was written while the run ran.
        document = self._read("glue/job_run.json") or {}
        run = document.get("JobRun", document)
        started = parse_time(run.get("StartedOn"))
        undated = int(started.timestamp() * 1000) if started else 0
        for number, event in enumerate(FileLog(logs, files)):
            group = event.group if event.group.startswith("/") else f"/{event.group or 'aws-glue/jobs/error'}"
            at = event.timestamp if event.timestamp is not None else undated + number
            self._account.put_log_events(group, event.stream, [(at, event.message)])

    def table(self, role: str) -> None:
        """Put the table of a role; with ``glue/table.json`` the target's catalog entry is there already."""
        name = _table_name(self._manifest["pipeline"], role)
        known = role == "target" and "glue/table.json" in self.used
        self._iceberg(f"iceberg/{role}.metadata.json", f"iceberg/{role}.entries.jsonl", None if known else name)

    def tables(self) -> None:
        """Put the tables that a bundle keeps in folders of their own."""
        for folder in sorted(self._folder.glob("tables/*/*")):
            place = str(folder.relative_to(self._folder))
            if listing := self._json(f"{place}/listing.json"):
                self._put_listing(listing)
            entry = self._json(f"{place}/table.json")
            if entry:
                self._account.put_table(entry.get("Table", entry))
            self._iceberg(f"{place}/metadata.json", f"{place}/entries.jsonl", None if entry else folder.name)
            for path in sorted(folder.glob("delta_log/*.json")):
                self._delta_log(path, entry.get("Table", entry) if entry else {})

    def _delta_log(self, path: Path, entry: dict[str, Any]) -> None:
        location = str((entry.get("StorageDescriptor") or {}).get("Location") or "").rstrip("/")
        if location:
            self.used.add(str(path.relative_to(self._folder)))
            self._account.put_object(f"{location}/_delta_log/{path.name}", path.read_bytes())

    def _iceberg(self, path: str, entries: str, name: str | None) -> None:
        """Put an Iceberg table's metadata and manifests; ``name`` where the catalog does not have it yet."""
        metadata = self._json(path)
        if metadata is None:
            return
        location = (
            self._manifest.get("files", {}).get(path, {}).get("uri") or f"{metadata['location']}/metadata/v1.json"
        )
        rows, _ = self._lines(entries)
        self._account.put_object(location, msgspec.json.encode(metadata))
        put_manifests(metadata, rows, self._account.put_object)
        if name:
            database, _, table = name.rpartition(".")
            parameters = {"table_type": "ICEBERG", "metadata_location": location}
            place = {"Location": metadata["location"]}
            self._account.put_table(
                {"DatabaseName": database, "Name": table, "Parameters": parameters, "StorageDescriptor": place}
            )

    def _lines(self, path: str) -> tuple[list[Any], int]:
        if not (self._folder / path).is_file():
            return [], 0
        self.used.add(path)
        return read_json_lines(self._folder / path)

    def listings(self) -> None:
        for path in ("s3/source.json", "s3/source.previous.json", "s3/target.json", "s3/staging.json"):
            listing = self._json(path)
            if listing:
                self._put_listing(listing)

    def _put_listing(self, listing: dict[str, Any]) -> None:
        # One made by hand may lack the bucket's name: where its objects lie is then not known.
        if listing.get("Name"):
            self._account.put_listing(listing)

    def sample(self) -> None:
        """Give the first object of the source the columns that the bundle saw, in the object's own format."""
        schema, listing = self._read("source/schema.json"), self._json("s3/source.json") or {}
        if schema is None or not listing.get("Name"):
            return
        first = next((one for one in listing.get("Contents", ()) if one["Key"].endswith(SAMPLED)), None)
        if first is None:
            return
        self.used.add("source/schema.json")
        data = sample_of(first["Key"], schema["columns"])
        self._account.put_object(f"s3://{listing['Name']}/{first['Key']}", data, size=first.get("Size"))

    def control(self) -> None:
        rows = self._json("control/rows.json")
        declared = self._manifest["pipeline"].get("control")
        if not rows:
            return
        if isinstance(rows, dict):  # as DynamoDB's own answers have them
            deserialize = TypeDeserializer().deserialize
            rows = [{key: deserialize(value) for key, value in row.items()} for row in rows["Items"]]
        name = declared.get("table", "control") if isinstance(declared, dict) else "control"
        columns = declared.get("columns", {}) if isinstance(declared, dict) else {}
        keys = tuple(columns.get(key, key) for key in ("batch_id", "job_run_id"))
        self._account.put_control_rows(name, [row for row in rows if all(row.get(key) for key in keys)], keys)

    def around(self) -> None:
        for event in (self._json("cloudtrail/events.json") or {}).get("Events", ()):
            self._account.put_trail_event(event)
        for result in (self._json("cloudwatch/metrics.json") or {}).get("MetricDataResults", ()):
            values = list(zip(result["Timestamps"], result["Values"], strict=True))
            self._account.put_metric(result["Label"], values, self._dimensions(result["Label"], self.run_id))
        for run in (self._json("history.json") or {}).get("runs", ()):
            self._history(run)

    def _history(self, run: dict[str, Any]) -> None:
        """Put a good run's numbers as the metrics that it would have left."""
        ended = self._ended(run["job_run_id"])
        names = {"records": "recordsRead", "bytes": "bytesRead"}
        for key, metric in names.items():
            if ended is not None and run.get(key) is not None:
                name = f"glue.driver.aggregate.{metric}"
                self._account.put_metric(name, [(ended, run[key])], self._dimensions(name, run["job_run_id"]))

    def _ended(self, run_id: str) -> Any:
        runs = (self._json("glue/job_runs.json") or {}).get("JobRuns", ())
        return next((run.get("CompletedOn") for run in runs if run["Id"] == run_id), None)

    def _dimensions(self, name: str, run_id: str) -> dict[str, str]:
        kind = (
            "gauge"
            if any(word in name for word in ("used", "available", "skewness", "Utilization", "usage"))
            else "count"
        )
        dimensions = {"JobName": self.job, "JobRunId": run_id, "Type": kind}
        group = next((group for word, group in _OBSERVABILITY.items() if word in name), None)
        if group is None and (".memory." in name or ".disk." in name):
            group = "resource_utilization"
        if group is not None:
            dimensions["ObservabilityGroup"] = "resource_utilization" if group == "resource" else group
        return dimensions

    def documents(self) -> dict[str, str]:
        """Put what no service serves into a bucket: lineage, deployments, event logs."""
        found = {}
        for path in sorted(self.paths()):
            if path == "deployments.json" or path.startswith(("lineage/", "spark/")):
                found[path] = f"s3://{EVIDENCE_BUCKET}/{self.job}/{path}"
                self._account.put_object(found[path], (self._folder / path).read_bytes(), at=self._ended(self.run_id))
        return found


def _table_name(pipeline: dict[str, Any], role: str) -> str | None:
    declared = next((one["table"] for one in pipeline.get("outputs", ()) if one.get("role", "target") == role), None)
    named: str | None = declared or pipeline.get(role)
    return named
