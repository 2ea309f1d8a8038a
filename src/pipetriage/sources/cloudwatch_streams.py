"""Where the log of a Glue run is: log groups by prefix and era, streams by the run's id (domain facts 1.5)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from botocore.exceptions import ClientError

from pipetriage.aws.failures import code_of
from pipetriage.aws.session import AwsSession
from pipetriage.errors import SourceError, UnansweredError

DEFAULT_PREFIX = "/aws-glue/jobs"
"""Of every log group of Glue whose job names none; ``LogGroupName`` of a run is such a prefix too."""
PAGE = 50
"""Groups or streams a page: neither DescribeLogGroups nor DescribeLogStreams gives more (API reference, limit)."""
MAX_GROUP_PAGES = 4
"""Pages of groups read below one prefix: security configurations give each role groups of its own."""
MAX_STREAM_PAGES = 20
"""A thousand streams a group; a run has one for each executor that it ever had."""
MAX_OTHER_GROUPS = 20
"""Groups searched below the prefix where none of those that Glue's rules name holds the run."""

# What AWS takes as a group's name and as a stream's (API reference): arguments are anybody's text.
_GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")
_STREAM_NAME = re.compile(r"[^:*]{1,512}")
# What follows the run's id, or the prefix that stands for it. Glue up to 4.0 ends the driver's own with nothing.
_DRIVER = re.compile(r"(?:-driver|-job-insights-rca-driver)?")
_EXECUTOR = re.compile(r"-(?:executor-?)?\d{1,9}|[-_]g-\w{1,128}")
# The progress bar is no log, and the rules' advice (Glue up to 4.0) would read as errors that never happened.
_LEFT_OUT = re.compile(r"-progress-bar|-job-insights-rule-driver")
# The next attempt's streams begin with the first one's id.
_OTHER_ATTEMPT = re.compile(r"_attempt_\d")


class Stream(NamedTuple):
    """One log stream of the run."""

    group: str
    name: str
    driver: bool
    """The driver's, or the analysis of its failure; else an executor's."""
    own: bool
    """Its name holds the run's id, so that no other run writes into it."""
    last: int
    """Time of its last event in ms since the epoch, as far as CloudWatch has noticed; 0: not known."""


class Found(NamedTuple):
    """The run's streams, and what could not be looked through."""

    streams: tuple[Stream, ...]
    refusals: tuple[SourceError, ...]
    """Of groups whose streams could not be listed."""


class _Named(NamedTuple):
    """What run and job say of their log."""

    run_id: str
    roots: tuple[str, ...]
    """Prefixes below which its groups are."""
    groups: tuple[str, ...]
    """Groups it has by Glue's rules, without a security configuration."""
    streams: tuple[str, ...]
    """What its streams' names begin with."""
    security: str | None
    """Name of the security configuration, which stands somewhere in the names of its groups."""


def arguments_of(run: Mapping[str, Any], job: Mapping[str, Any] | None) -> dict[str, str]:
    """Give the arguments that a run has: its job's defaults, its own, then those that cannot be overridden."""
    job = _job(job)
    layers = (job.get("DefaultArguments"), run.get("Arguments"), job.get("NonOverridableArguments"))
    return {str(key): str(value) for layer in layers for key, value in (layer or {}).items()}


def find_streams(aws: AwsSession, run: Mapping[str, Any], job: Mapping[str, Any] | None) -> Found:
    """Find the streams of a run (a JobRun document); ``job`` is the Job document, where it could be read.

    Raises:
        SourceError: there is none, or none may be seen; the message names what was looked for and what it may mean.
    """
    named = _named(run, job)
    unlisted: list[SourceError] = []
    known, whole = _known_groups(aws, named.roots, unlisted)
    # Only the listing names the groups of a security configuration.
    refusals: list[SourceError] = list(unlisted) if named.security else []
    secured = [one for one in known if named.security and named.security in one]
    groups = list(dict.fromkeys([*(one for one in named.groups if one in known or not whole), *secured]))
    streams = _streams(aws, groups, named, refusals)
    if not streams:
        others = [one for one in known if one not in groups][:MAX_OTHER_GROUPS]
        streams = _streams(aws, others, named, refusals)
        groups += others
    if streams:
        return Found(tuple(streams), tuple(refusals))
    if refusals or unlisted:
        raise foremost([*refusals, *unlisted])
    if whole and not groups:
        raise SourceError(
            f"there is no log group {' or '.join(named.groups)}: the job's role lacks the permissions on logs, "
            "the group was deleted, or the run never began"
        )
    kept = {days for one in groups if (days := known.get(one))}
    past = f" (retention: {', '.join(f'{days} days' for days in sorted(kept))})" if kept else ""
    raise SourceError(
        f"no log stream begins with {' or '.join(named.streams)} in {', '.join(groups)}: the job's role lacks the "
        f"permissions on logs, the streams were deleted{past}, or the run never began"
    )


def foremost(refusals: Sequence[SourceError]) -> SourceError:
    """Give the refusal that is told: one that is over later, before those that last."""
    return next((one for one in refusals if isinstance(one, UnansweredError)), refusals[0])


def _job(document: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Give the job itself, also from GetJob's whole answer."""
    inner = (document or {}).get("Job")
    return inner if isinstance(inner, Mapping) else document or {}


def _named(run: Mapping[str, Any], job: Mapping[str, Any] | None) -> _Named:
    job, arguments = _job(job), arguments_of(run, job)
    version = _major(run.get("GlueVersion") or job.get("GlueVersion"))
    new, old = version is None or version >= 5, version is None or version < 5
    bases = [run.get("LogGroupName"), arguments.get("--custom-logGroup-prefix") if new else None, DEFAULT_PREFIX]
    prefixes = list(dict.fromkeys(one.rstrip("/") for one in bases if _is_name(one, _GROUP_NAME)))
    groups = [f"{prefix}/{kind}" for prefix in prefixes for kind in ("error", "output")]
    continuous = arguments.get("--continuous-log-logGroup") if old else None
    if old:
        groups += [f"{prefix}/logs-v2" for prefix in prefixes]
    if _is_name(continuous, _GROUP_NAME):
        groups.append(continuous)
        prefixes.append(continuous)
    streams = [str(run["Id"])]
    streams += [arguments.get("--custom-logStream-prefix", "")] if new else []
    streams += [arguments.get("--continuous-log-logStreamPrefix", "")] if old else []
    return _Named(
        run_id=streams[0],
        roots=tuple(one for one in prefixes if not any(one != root and one.startswith(root) for root in prefixes)),
        groups=tuple(groups),
        streams=tuple(dict.fromkeys(one for one in streams if _is_name(one, _STREAM_NAME))),
        security=run.get("SecurityConfiguration") or job.get("SecurityConfiguration"),
    )


def _is_name(name: Any, pattern: re.Pattern[str]) -> TypeGuard[str]:
    return isinstance(name, str) and pattern.fullmatch(name) is not None


def _major(version: Any) -> int | None:
    """Read ``5.0``; None where nobody knows (``auto``)."""
    major = str(version or "").partition(".")[0]
    return int(major) if major.isdigit() else None


def _known_groups(
    aws: AwsSession, roots: Iterable[str], unanswered: list[SourceError]
) -> tuple[dict[str, int | None], bool]:
    """List the groups below the prefixes, each with the days that it keeps events; and whether those are all.

    Whoever may not list groups may still read the ones that Glue's rules name: only what may be answered later is kept.
    """
    known: dict[str, int | None] = {}
    whole = True
    for root in roots:
        more = False
        try:
            for page in _pages(aws, "describe_log_groups", MAX_GROUP_PAGES, logGroupNamePrefix=root):
                known |= {one["logGroupName"]: one.get("retentionInDays") for one in page["logGroups"]}
                more = page.get("nextToken") is not None
        except SourceError as error:
            unanswered += [error] if isinstance(error, UnansweredError) else []
            more = True
        whole = whole and not more
    return known, whole


def _streams(aws: AwsSession, groups: Iterable[str], named: _Named, refusals: list[SourceError]) -> list[Stream]:
    found: dict[tuple[str, str], Stream] = {}
    for group in groups:
        for prefix in named.streams:
            try:
                found |= {(one.group, one.name): one for one in _streams_in(aws, group, prefix, named.run_id)}
            except SourceError as error:
                refusals.append(error)
    return list(found.values())


def _streams_in(aws: AwsSession, group: str, prefix: str, run_id: str) -> Iterator[Stream]:
    more = False
    for page in _pages(aws, "describe_log_streams", MAX_STREAM_PAGES, logGroupName=group, logStreamNamePrefix=prefix):
        yield from _ours(page, group, prefix, run_id)
        more = page.get("nextToken") is not None
    if more:
        # Names come in order, and up to 4.0 those of executors (digits) before that of the driver.
        for kind in ("-driver", "-job-insights"):
            pages = _pages(aws, "describe_log_streams", 1, logGroupName=group, logStreamNamePrefix=f"{prefix}{kind}")
            for page in pages:
                yield from _ours(page, group, prefix, run_id)


def _ours(page: Mapping[str, Any], group: str, prefix: str, run_id: str) -> Iterator[Stream]:
    for one in page["logStreams"]:
        name = str(one["logStreamName"])
        own = run_id in name
        driver = _is_driver(name.partition(run_id)[2], own=True) if own else _is_driver(name[len(prefix) :], own=False)
        if driver is not None:
            yield Stream(group, name, driver, own, int(one.get("lastEventTimestamp") or 0))


def _is_driver(rest: str, *, own: bool) -> bool | None:
    """Tell whose stream it is by how its name ends; None: another run's, or none that is read.

    Below a prefix of the user's own (not ``own``) other jobs may have streams, so that only known endings count.
    """
    if _DRIVER.fullmatch(rest):
        return True
    if _LEFT_OUT.fullmatch(rest) or _OTHER_ATTEMPT.match(rest):
        return None
    if own:
        return False if rest[0] in "-_/" else None
    return False if _EXECUTOR.fullmatch(rest) else None


def _pages(aws: AwsSession, operation: str, most: int, **parameters: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a listing of CloudWatch Logs, at most so many; a group that is not there has none."""
    name = "".join(part.capitalize() for part in operation.split("_"))
    on = parameters.get("logGroupName") or parameters.get("logGroupNamePrefix")
    token: dict[str, str] = {}
    for _ in range(most):
        with aws.calling(f"logs:{name} of {on}"):
            try:
                page = getattr(aws.client("logs"), operation)(limit=PAGE, **parameters, **token)
            except ClientError as error:
                if code_of(error) == "ResourceNotFoundException":
                    return
                raise
        yield page
        if page.get("nextToken") is None:
            return
        token = {"nextToken": page["nextToken"]}
