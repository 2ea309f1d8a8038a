"""One cheap read of each kind that a run's evidence does not always need: may we, when it does?"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pipetriage.errors import SourceError

if TYPE_CHECKING:
    from pipetriage.aws.session import AwsSession


class Probe(NamedTuple):
    """One read."""

    call: str
    """As the allowlist has it (``glue:ListJobs``)."""
    tells: str
    """What cannot be told without it."""
    ask: Callable[[Callable[[str], Any]], object]
    """Makes the call; is given what makes clients."""


PROBES: tuple[Probe, ...] = (
    Probe("glue:ListJobs", "backfill cannot find the jobs", lambda client: client("glue").list_jobs(MaxResults=1)),
    Probe(
        "glue:ListDataQualityResults",
        "failed data-quality rules are not seen",
        lambda client: client("glue").list_data_quality_results(MaxResults=1),
    ),
    Probe(
        "logs:DescribeLogGroups",
        "logs of secured groups are not found",
        lambda client: client("logs").describe_log_groups(limit=1),
    ),
    Probe(
        "cloudwatch:ListMetrics",
        "metrics of executors are not found",
        lambda client: client("cloudwatch").list_metrics(Namespace="Glue", MetricName="glue.driver.jvm.heap.usage"),
    ),
    Probe(
        "lakeformation:ListPermissions",
        "a missing grant cannot be named",
        lambda client: client("lakeformation").list_permissions(MaxResults=1),
    ),
    Probe(
        "cloudtrail:LookupEvents",
        "a refused call cannot be named",
        lambda client: client("cloudtrail").lookup_events(MaxResults=1),
    ),
)
"""Of those that collecting a run's evidence makes rarely, or never; it tells of all others itself."""


def probe(aws: "AwsSession") -> Iterator[tuple[Probe, str | None]]:
    """Make each call, and give why it was not answered; None: it was.

    Raises:
        CredentialsError: AWS does not know us.
    """
    for one in PROBES:
        try:
            with aws.calling(one.call):
                one.ask(aws.client)
        except SourceError as error:
            yield one, str(error)
        else:
            yield one, None
