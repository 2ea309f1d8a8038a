"""Which run a person means."""

import pytest

from pipetriage.errors import UsageError
from pipetriage.sources.glue_target import GlueTarget, is_glue, read_target

RUN = "jr_0a1b2c3d4e5f60718293a4b5c6d7e8f9"
PAGE = "https://eu-west-1.console.aws.amazon.com/gluestudio/home?region=eu-west-1#"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (f"glue:orders_daily/{RUN}", GlueTarget("orders_daily", RUN)),
        ("glue:orders_daily/latest", GlueTarget("orders_daily", "latest")),
        ("glue:team/orders/latest", GlueTarget("team/orders", "latest")),
        (RUN, GlueTarget(None, RUN)),
        (f"{RUN}_attempt_2", GlueTarget(None, f"{RUN}_attempt_2")),
        (f"{PAGE}/job/orders_daily/run/{RUN}", GlueTarget("orders_daily", RUN, "eu-west-1")),
        (f"{PAGE}/editor/job/orders%20daily/runs", GlueTarget("orders daily", "latest", "eu-west-1")),
        (
            f"https://console.aws.amazon.com/glue/home?region=us-gov-west-1#jobRun:jobName=orders;jobRunId={RUN}",
            GlueTarget("orders", RUN, "us-gov-west-1"),
        ),
        (
            f"https://us-east-2.console.aws.amazon.com/glue/home#/job/orders/run/{RUN}",
            GlueTarget("orders", RUN, "us-east-2"),
        ),
    ],
)
def test_a_run_is_named_in_several_ways(text: str, target: GlueTarget) -> None:
    assert is_glue(text)
    assert read_target(text) == target


@pytest.mark.parametrize(
    "text",
    [
        "glue:orders_daily",
        "glue:/latest",
        "glue:orders/",
        "https://example.com/job/orders/run/jr_12345678",
        "https://console.aws.amazon.com.evil.example/glue/home#/job/orders",
        f"{PAGE}/jobs",
    ],
)
def test_what_names_no_run_is_refused_with_the_way_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match="glue:JOB/RUN_ID"):
        read_target(text)


@pytest.mark.parametrize("text", ["./bundle", "local:orders/latest", "jr", "cases/jr_x/y"])
def test_other_targets_are_not_taken(text: str) -> None:
    assert not is_glue(text)
