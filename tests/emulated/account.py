"""The emulated account: put what happened, then read it as pipetriage does, through the guarded session.

    with EmulatedAccount() as account:
        account.put_run({"JobName": "orders_daily", "Id": "jr_1", "JobRunState": "FAILED", "ErrorMessage": "…"})
        account.session().client("glue").get_job_run(JobName="orders_daily", RunId="jr_1")

The documents are AWS's own (GetJobRun's JobRun, GetTable's Table, …), with times as text or numbers. What is put goes
into the models of moto's backends, never into ours.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

import boto3
import requests
from boto3.dynamodb.types import TypeSerializer
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.glue.models import FakeDatabase, glue_backends
from moto.logs.models import LogEvent, logs_backends
from moto.s3.models import s3_backends

from pipetriage.aws.guard import OwnResources
from pipetriage.aws.session import Access, AwsSession
from tests.emulated.recorded import (
    Recorded,
    RecordedJob,
    RecordedKey,
    RecordedRun,
    RecordedTable,
    parsed,
    recorded,
    with_times,
)
from tests.emulated.server import Refusal, Server

ACCOUNT = DEFAULT_ACCOUNT_ID
REGION = "eu-west-1"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
"""AWS's own example key: documented to be nobody's."""

Document = dict[str, Any]


class EmulatedAccount:
    """One account in one region, empty until something is put into it. Only one at a time in a process."""

    def __init__(self) -> None:
        self._server = Server()
        self._admin: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._server.start()
        self.reset()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.reset()
        self._server.stop()

    def reset(self) -> None:
        """Make the account empty again, quick and willing."""
        requests.post(f"{self.url}/moto-api/reset", timeout=10).raise_for_status()
        recorded.reset()
        self.door.calls.clear()
        self.door.refusals.clear()
        self.door.latency = 0.0
        self.door.throttled_every = 0

    # Reading it

    @property
    def url(self) -> str:
        """Address of every service."""
        return self._server.url

    @property
    def door(self) -> Any:
        """What stands in front: ``calls`` that came, ``latency`` in seconds."""
        return self._server.door

    def session(self, own: OwnResources | None = None, **access: Any) -> AwsSession:
        """Give a guarded session into the account, with the credentials in the environment (``environment``)."""
        return AwsSession(Access(**{"region": REGION, "endpoint_url": self.url, **access}), own)

    @staticmethod
    def environment() -> dict[str, str]:
        """Give the environment variables of a caller with credentials and no files of its own."""
        return {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }

    def admin(self, service: str) -> Any:
        """Give a client without a guard, to set things up."""
        if service not in self._admin:
            keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": "example"}
            self._admin[service] = boto3.client(service, region_name=REGION, endpoint_url=self.url, **keys)
        return self._admin[service]

    def refuse(
        self,
        call: str,
        code: str = "AccessDeniedException",
        message: str = "refused by the test",
        *,
        status: int = 400,
        times: int | None = None,
    ) -> None:
        """Answer a call (``glue:GetTable``) with an error, always or a number of times."""
        self.door.refusals[call] = Refusal(code, message, status, times)

    # Glue

    def put_job(self, document: Document) -> None:
        """Put a job (GetJob's Job); its runs stay."""
        job = RecordedJob(document)
        known = self._glue.jobs.get(job.name)
        job.job_runs = known.job_runs if known else []
        self._glue.jobs[job.name] = job

    def put_run(self, document: Document) -> None:
        """Put a run (GetJobRun's JobRun), or what has become of it; its job is made where there is none."""
        if document["JobName"] not in self._glue.jobs:
            self.put_job({"Name": document["JobName"], "Command": {"Name": "glueetl"}})
        runs = self._glue.jobs[document["JobName"]].job_runs
        runs[:] = [one for one in runs if one.job_run_id != document["Id"]]
        runs.append(RecordedRun(document))
        runs.sort(key=lambda run: run.started, reverse=True)

    def put_bookmark(self, entry: Document) -> None:
        """Put a job's bookmark (GetJobBookmark's JobBookmarkEntry)."""
        self._recorded.bookmarks[entry["JobName"]] = entry

    def put_quality_result(self, document: Document) -> None:
        """Put a GetDataQualityResult answer."""
        self._recorded.quality_results.append(with_times(document))

    def put_ruleset(self, document: Document) -> None:
        """Put a GetDataQualityRuleset answer."""
        self._recorded.rulesets[document["Name"]] = with_times(document)

    def put_table(self, document: Document) -> None:
        """Put a catalog table (GetTable's Table); its database is made where there is none."""
        databases = self._glue.databases
        name = document["DatabaseName"]
        if name not in databases:
            databases[name] = FakeDatabase(name, {"Name": name}, ACCOUNT)
        databases[name].tables[document["Name"]] = RecordedTable(document, ACCOUNT)

    # Logs and metrics

    def put_log_events(self, group: str, stream: str, events: Iterable[Mapping[str, Any] | tuple[int, str]]) -> None:
        """Put events (``timestamp`` in ms, ``message``) of any age; CloudWatch itself takes none older than 14 days."""
        backend = logs_backends[ACCOUNT][REGION]
        if group not in backend.groups:
            backend.create_log_group(group, {})
        streams = backend.groups[group].streams
        if stream not in streams:
            backend.groups[group].create_log_stream(stream)
        for event in events:
            one: Document = {"timestamp": event[0], "message": event[1]} if isinstance(event, tuple) else dict(event)
            streams[stream].events.append(LogEvent(int(one.get("ingestionTime") or one["timestamp"]), one))
            streams[stream].stored_bytes += len(one["message"])
            streams[stream].last_ingestion_time = _naive(one["timestamp"] / 1000)

    def put_metric(
        self, name: str, values: Iterable[tuple[Any, float]], dimensions: Mapping[str, str], namespace: str = "Glue"
    ) -> None:
        """Put the values of a metric, each with its time."""
        named = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        cloudwatch_backends[ACCOUNT][REGION].put_metric_data(
            namespace,
            [
                {"MetricName": name, "Value": value, "Timestamp": _naive(at), "Dimensions": named}
                for at, value in values
            ],
        )

    # S3

    def put_object(
        self, uri: str, data: bytes = b"", *, at: Any = None, size: int | None = None, etag: str | None = None
    ) -> None:
        """Put an object; ``size`` is what listings say of one whose bytes matter to nobody.

        One that is put again keeps its time unless another is given, as if only its bytes were found out.
        """
        bucket_name, _, key = uri.removeprefix("s3://").partition("/")
        self.put_bucket(bucket_name)
        keys = s3_backends[ACCOUNT]["aws"].buckets[bucket_name].keys
        made = RecordedKey(
            *(key, data, ACCOUNT, REGION), bucket_name=bucket_name, etag=etag.strip('"') if etag else None
        )
        made.said_size = size
        if at is not None:
            made.last_modified = _naive(at)
        elif key in keys:
            made.last_modified = keys[key].last_modified
        keys[key] = made

    def put_listing(self, document: Document) -> None:
        """Put every object of a ListObjectsV2 answer, with its size, time and ETag."""
        self.put_bucket(document["Name"])
        for one in document.get("Contents", ()):
            uri = f"s3://{document['Name']}/{one['Key']}"
            self.put_object(uri, at=one.get("LastModified"), size=one.get("Size"), etag=one.get("ETag"))

    def put_bucket(self, name: str) -> None:
        """Make a bucket where there is none."""
        backend = s3_backends[ACCOUNT]["aws"]
        if name not in backend.buckets:
            backend.create_bucket(name, REGION)

    # Around the run

    def put_control_rows(self, table: str, rows: Iterable[Document], keys: tuple[str, ...] = ("batch_id",)) -> None:
        """Put rows into a DynamoDB table, which is made with these keys (hash, then range) where there is none."""
        admin = self.admin("dynamodb")
        rows = list(rows)
        kinds = {key: "N" if rows and isinstance(rows[0].get(key), int | float) else "S" for key in keys}
        if table not in admin.list_tables()["TableNames"]:
            admin.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": kinds[key]} for key in keys],
                KeySchema=[
                    {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
            )
        serialize = TypeSerializer().serialize
        for row in rows:
            exact = {key: Decimal(str(value)) if isinstance(value, float) else value for key, value in row.items()}
            admin.put_item(TableName=table, Item={key: serialize(value) for key, value in exact.items()})

    def put_path_permissions(self, resource_arn: str, permissions: list[Document]) -> None:
        """Put what GetEffectivePermissionsForPath says of a location."""
        self._recorded.path_permissions[resource_arn] = with_times(permissions)

    def put_query(self, query: Document) -> None:
        """Put a query into a workgroup's history, the newest last."""
        self._recorded.queries.insert(0, with_times(query))

    def put_trail_event(self, event: Document) -> None:
        """Put one of LookupEvents' events."""
        self._recorded.trail.append(with_times(event))

    def put_pipeline_execution(self, pipeline: str, summary: Document, actions: Iterable[Document] = ()) -> None:
        """Put an execution of a CodePipeline pipeline and its actions, as their list calls give them, newest first."""
        self._recorded.pipeline_executions.setdefault(pipeline, []).append(_lower_times(summary))
        self._recorded.action_executions.setdefault(pipeline, []).extend(_lower_times(one) for one in actions)

    @property
    def _glue(self) -> Any:
        return glue_backends[ACCOUNT][REGION]

    @property
    def _recorded(self) -> Recorded:
        return recorded[ACCOUNT][REGION]


def _naive(time: Any) -> datetime:
    """Give a time as moto keeps it outside Glue: in UTC, without saying so."""
    return parsed(time).replace(tzinfo=None)


def _lower_times(document: Document) -> Document:
    """Read the times of CodePipeline's documents, whose members begin with small letters."""
    return {key: parsed(value) if key.endswith("Time") else value for key, value in document.items()}
