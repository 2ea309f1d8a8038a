"""Spark's own listing jobs, by what it says of them."""

from typing import Any

import msgspec
import pytest

from pipetriage.context.redact import Redactor
from pipetriage.context.spark_cut import cut_event
from pipetriage.context.spark_events import read_spark_events


def submitted(description: str | None) -> bytes:
    info = {"Stage ID": 0, "Stage Attempt ID": 0, "Stage Name": "json at x", "Number of Tasks": 60}
    properties: dict[str, Any] = {"spark.job.description": description, "spark.secret": "s"} if description else {}
    return msgspec.json.encode({"Event": "SparkListenerStageSubmitted", "Stage Info": info, "Properties": properties})


@pytest.mark.parametrize(
    ("description", "paths"),
    [
        ("Listing leaf files and directories for 24000 paths:<br/>s3://raw/a, ...", 24_000),
        ("nightly load of Listing leaf files and directories for 24000 paths", 0),
        ("our own words", 0),
        (None, 0),
    ],
)
def test_a_listing_job_says_how_many_paths(description: str | None, paths: int) -> None:
    line = submitted(description)
    (stage,) = read_spark_events([line], Redactor()).stages
    assert stage.listed_paths == paths
    cut = msgspec.json.encode(cut_event(line))
    (kept,) = read_spark_events([cut], Redactor()).stages
    assert kept.listed_paths == paths
    assert b"s3://raw" not in cut
    assert b"secret" not in cut
    assert b"our own words" not in cut
