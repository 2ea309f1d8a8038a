"""The smallest change that makes a signal be there: exact text to paste, and where."""

import re
from typing import NamedTuple

from pipetriage.model.pipeline import Pipeline
from pipetriage.model.toml_text import toml_key
from pipetriage.readiness.names import Name

# The call comes first, or after the table's name (``aws/failures.py`` words the rest).
_DENIED = re.compile(r"(?:^|: )(?P<call>[a-z][a-z0-9-]{0,30}:[A-Za-z0-9]{1,60})\b[^\n(]{0,1500}? is not allowed \(")
_EXTRA = re.compile(r"pip install '(pipetriage\[[a-z]+\])'")

_POLICY = "the policy of the identity in use (pipetriage iam-policy prints it)"
_CUT = "is cut short"
"""So ``context`` says it of a log of which a part was refused, or that is beyond what is read at most."""
_WHOLE_LOG = """\
allow logs:GetLogEvents, logs:FilterLogEvents
# where both are allowed, the log is longer than what is read of one"""
_READ_TABLES = """\
allow glue:GetTable, s3:GetObject, s3:ListBucket
# where they are allowed: an output has another name or format than is declared"""
_STAMP_ICEBERG = """\
RUN_ID = getResolvedOptions(sys.argv, ["JOB_NAME"])["JOB_RUN_ID"]
df.writeTo(TABLE).option("snapshot-property.glue-job-run-id", RUN_ID)"""
_STAMP_DELTA = """\
RUN_ID = getResolvedOptions(sys.argv, ["JOB_NAME"])["JOB_RUN_ID"]
df.write.option("userMetadata", f"job_run_id={RUN_ID}")"""
_PUBLISH = """\
publishing_options={"dataQualityEvaluationContext": "NAME",
                    "enableDataQualityResultsPublishing": True}"""
_LISTENER = "io.openlineage.spark.agent.OpenLineageSparkListener"
_OUTPUTS = """\
target = "DATABASE.TABLE"
format = "iceberg"
write_mode = "append"  # or overwrite_partitions, merge, …"""
_DEPLOYMENTS = """\
deployments = "codepipeline:NAME"  # docs/settings.md has the others
# or, where nobody keeps them:
deployments = "none\""""
_LINEAGE = f"""\
lineage = "s3://BUCKET/openlineage/"
# and, on the job, unless its events are sent there already:
--conf spark.extraListeners={_LISTENER}"""


class Fix(NamedTuple):
    """A change."""

    place: str
    """Where it is made; empty: nothing is to be changed."""
    text: str
    """What is written there, line by line."""


AGAIN = Fix("", "run pipetriage doctor again later")
"""What was only not reached, or throttled, is not mended by a change."""


def denied_call(reason: str) -> str | None:
    """Give the AWS call that a gap's reason says was refused; None when it says no such thing."""
    found = _DENIED.search(reason[:3000])
    return found["call"] if found else None


def place_of(pipeline: Pipeline) -> str:
    """Say where a pipeline's declaration stands: its header as it is pasted."""
    return f"pipetriage.toml, [pipelines.{toml_key(pipeline.name)}]"


def fix_of(name: Name, pipeline: Pipeline, detail: str, *, local: bool) -> Fix:
    """Name the change; ``detail`` says what is wrong now, ``local`` that the sources are embedded."""
    if call := denied_call(detail):
        return Fix(_POLICY, f"allow {call}")
    if extra := _EXTRA.search(detail):
        return Fix("the environment of pipetriage", f"pip install '{extra[1]}'")
    here = place_of(pipeline)
    match name:
        case Name.BATCH_IDS if pipeline.batch_id is not None and pipeline.batch_id.origin == "argument":
            return Fix("the job's start", f"--{pipeline.batch_id.name.lstrip('-')} BATCH")
        case Name.BATCH_IDS:
            return Fix(here, 'batch_id = { from = "argument", name = "batch_id" }')
        case Name.SOURCE:
            return Fix(here, _source(pipeline, local))
        case Name.OUTPUTS:
            modeless = [one.table for one in pipeline.declared_outputs() if one.write_mode is None]
            if modeless:
                return Fix(f"{here}, output {modeless[0]}", 'write_mode = "append"  # or another: docs/settings.md')
            return Fix(here, _OUTPUTS)
        case Name.TABLE_COMMITS:
            return _tables(pipeline, here, local)
        case Name.CONTROL if local and pipeline.control is not None:
            return Fix("pipetriage.toml, [local]", 'control = "sqlite:///CONTROL.db"')
        case Name.CONTROL:
            place = "" if local else 'location = "dynamodb", '
            return Fix(here, f'control = {{ {place}table = "TABLE" }}\n# or, where there is none:\ncontrol = "none"')
        case Name.DEPLOYMENTS:
            if local:
                return Fix("pipetriage.toml, [local]", 'deployments = "DEPLOYMENTS.json"')
            return Fix(here, _DEPLOYMENTS)
        case Name.OWNERS:
            if pipeline.owners:  # TOML does not let an inline table be added to from outside
                return Fix(f"{here}, within owners", 'default = "TEAM"')
            return Fix(here, 'owners = { default = "TEAM" }')
        case Name.SNAPSHOT_STAMPS:
            return _stamps(pipeline)
        case Name.LOGS if not local and _CUT in detail:
            return Fix(_POLICY, _WHOLE_LOG)
    return _local(name) if local else _job_argument(name)


def _source(pipeline: Pipeline, local: bool) -> str:
    if pipeline.source is not None and pipeline.batch_id is None:
        return 'batch_id = { from = "argument", name = "batch_id" }  # it fills in source'
    return f'source = "{"file:///FOLDER" if local else "s3://BUCKET/PREFIX"}/{{batch_id}}/"'


def _tables(pipeline: Pipeline, here: str, local: bool) -> Fix:
    if not pipeline.declared_outputs():
        return Fix(here, _OUTPUTS)
    if local:
        return Fix("pipetriage.toml, [local]", 'catalog = "sqlite:///CATALOG.db"\ntables = "FOLDER/{namespace}/{name}"')
    if all(one.format for one in pipeline.declared_outputs()):
        return Fix(_POLICY, _READ_TABLES)
    return Fix(here, 'format = "iceberg"  # each output with the name and format that it has')


def _stamps(pipeline: Pipeline) -> Fix:
    formats = {one.format for one in pipeline.declared_outputs()}
    return Fix("the job, at every write", _STAMP_DELTA if formats == {"delta"} else _STAMP_ICEBERG)


def _job_argument(name: Name) -> Fix:
    place = "the Glue job's default arguments"
    match name:
        case Name.LOGS:
            return Fix(place, "--enable-continuous-cloudwatch-log true")
        case Name.METRICS:
            return Fix(place, "--enable-metrics true\n--enable-observability-metrics true")
        case Name.EVENT_LOGS:
            return Fix(place, "--enable-spark-ui true\n--spark-event-logs-path s3://BUCKET/spark-events/")
        case Name.QUALITY:
            return Fix("the job, EvaluateDataQuality().process_rows(…)", _PUBLISH)
        case Name.LINEAGE:
            return Fix("pipetriage.toml, [aws]", _LINEAGE)
    return Fix(_POLICY, "allow glue:GetJobRun, glue:GetJobRuns, glue:GetJob")


_LOCAL = {
    Name.RUNS: 'runs = "FOLDER"\njobs = "FOLDER"',
    Name.LOGS: 'logs = "FOLDER/{job}/{run_id}.log"',
    Name.EVENT_LOGS: 'event_logs = "FOLDER/{run_id}"',
    Name.LINEAGE: 'lineage = "FOLDER/events.jsonl"',
}


def _local(name: Name) -> Fix:
    return Fix("pipetriage.toml, [local]", _LOCAL.get(name, ""))
