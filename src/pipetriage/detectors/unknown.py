"""UNKNOWN, refined: a service failed for a while, resources ran out, the set-up is wrong, quality checks refused."""

import re
from collections.abc import Iterator

from pipetriage.detectors.rules import Hit, RuleBook, hints, strongest, swallowed, unique, weaker
from pipetriage.detectors.skewed_stages import from_skew
from pipetriage.detectors.small_file_pressure import listing_pressure
from pipetriage.detectors.source_delay import missing_code_file
from pipetriage.detectors.unknown_rules import UNREACHABLE
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Cause, Context
from pipetriage.model.facts import QualityRule
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings

_SHAPE_OR_VOLUME = frozenset(
    {"columnexists", "schemamatch", "columncount", "columndatatype", "rowcount", "rowcountmatch", "filematch"}
)


class Unknown:
    """Says which kind of UNKNOWN it is; gives way where skew or many files explain what ran out."""

    id = "unknown"
    summary = "A service failed for a while, resources ran out, the set-up is wrong, or a quality check refused."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from the errors of the four modes, then from quality results and the run's state."""
        failed = _failed_rules(context)
        found, explained = [], set()
        for hit in self._book.hits(context):
            explained.add(hit.error.evidence)
            if hit.rule.category is Category.UNKNOWN:
                found.append(self._one(context, hit, failed))
            elif hit.rule.mode is FailureMode.MISSING_PATH and missing_code_file(hit):
                found.append(_missing_code(self.id, hit))
        if not found:
            found.extend(self._quality_alone(context, failed, explained))
            found.extend(self._timed_out(context))
        found.extend(_swallowed(self.id, context))
        return strongest(found) or strongest(hints(context, Category.UNKNOWN, self.id))

    def _one(self, context: Context, hit: Hit, failed: list[QualityRule]) -> Finding:
        strength = hit.strength
        extra: tuple[str, ...] = ()
        match hit.rule.mode:
            case FailureMode.RESOURCE_EXHAUSTED:
                skewed = from_skew(context, hit, self._thresholds)
                if skewed or listing_pressure(context, hit, self._thresholds):
                    strength = Strength.WEAK
            case FailureMode.TRANSIENT_SERVICE:
                if listing_pressure(context, hit, self._thresholds):
                    strength = Strength.WEAK
                elif not self._passes(context, hit):
                    strength = weaker(strength, Strength.MODERATE)
            case FailureMode.QUALITY_FAILED:
                extra = tuple(rule.evidence for rule in failed[:3])
                if failed and hit.error.terminal and not hit.error.survived:
                    strength = Strength.STRONG
                if failed and all(rule.rule_type.lower() in _SHAPE_OR_VOLUME for rule in failed):
                    # The rules that failed name the cause: the input's shape or volume.
                    strength = weaker(strength, Strength.MODERATE)
            case _:
                pass
        return hit.finding(self.id, strength=strength, extra=extra)

    def _passes(self, context: Context, hit: Hit) -> bool:
        """Whether it is certain that a service failed, and that it failed only for a while."""
        if hit.rule.id in UNREACHABLE and not _got_through_before(context):
            return False
        # Glue's own sentence about a run that it could not start, in the run's ErrorMessage.
        by_glue = hit.rule.id == "capacity" and not hit.cause.exception and hit.error.evidence == "run-error"
        return (by_glue or _said_by_a_client(hit.cause)) and not self._repeated(context, hit)

    def _repeated(self, context: Context, hit: Hit) -> bool:
        """Whether the runs before this one failed in the same words: what keeps failing is not passing."""
        message = hit.cause.message.splitlines()[0][:80] if hit.cause.message else ""
        run = context.facts.run
        others = [one for one in context.facts.history if one.run_id != run.run_id and one.ended_at is not None]
        earlier = [one for one in others if not one.succeeded and one.batch_id != run.batch_id]
        return bool(message) and sum(message in one.error_message for one in earlier[-3:]) >= 2

    def _quality_alone(self, context: Context, failed: list[QualityRule], explained: set[str]) -> Iterator[Finding]:
        unexplained = not explained & {error.evidence for error in context.terminal_errors}
        if failed and unexplained:
            first = failed[0]
            yield Finding(
                detector=f"{self.id}/quality-results",
                category=Category.UNKNOWN,
                failure_mode=FailureMode.QUALITY_FAILED,
                strength=Strength.MODERATE,
                statement=f"{len(failed)} data-quality rules failed, the first is {first.rule}",
                evidence=unique(rule.evidence for rule in failed[:5]),
            )

    def _timed_out(self, context: Context) -> Iterator[Finding]:
        run = context.facts.run
        if run.state == "TIMEOUT" and not context.terminal_errors:
            yield Finding(
                detector=f"{self.id}/timeout",
                category=Category.UNKNOWN,
                failure_mode=FailureMode.RESOURCE_EXHAUSTED,
                strength=Strength.MODERATE,
                statement="the run used up its time and no error says why",
                evidence=(run.evidence,),
            )


# Packages whose exceptions are a client's or an engine's own words about a service: the JVM's by their top-level
# names, Python's service clients by theirs.
_CLIENT = re.compile(
    r"^(?:java|javax|sun|com|org|io|net|software|scala|py4j)\.\w+\."
    r"|^(?:botocore|boto3|aiobotocore|s3fs|requests|urllib3?|httpx?|aiohttp|socket|ssl|pyarrow|redis|psycopg\d?|pymysql"
    r"|ftplib|smtplib|paramiko|fsspec|gcsfs|adlfs|elasticsearch|opensearchpy|cassandra|hdfs|kazoo"
    r"|sqlalchemy|snowflake|google|azure|grpc|pyiceberg|awswrangler|cx_Oracle|oracledb|pyodbc|pymssql|pymongo|MySQLdb"
    r"|mysql|kafka|confluent_kafka|clickhouse_\w{1,20}|asyncpg)\."
)
# The shape in which AWS SDKs (Java v1 and v2, botocore) name service and operation.
_SERVICE_SAYS = re.compile(
    r"\(Service: |when calling the \w{1,80} operation|Status Code: \d{3}|Error Code: |^\w{1,80}Exception: "
    r"|\bapi error \w{1,60}: "
    r"|HTTP Error \d{3}: |\b[45]\d\d (?:Server|Client) Error: |<urlopen error |\[Errno -?\d{1,3}\]"
)
# Python's own connection errors, and engine pseudo-exceptions that the log room names without a package.
_BUILTIN = re.compile(r"^(?:Connection\w*Error|TimeoutError|BrokenPipeError|gaierror|timeout|IncompleteRead|OSError)$")


def _said_by_a_client(cause: Cause) -> bool:
    """Whether a service, its client or the engine says that it failed; a job's own exception may only quote it."""
    named = cause.qualified or cause.exception
    simple = "." not in named and named.endswith(("Exception", "ExecutorLostFailure", "FetchFailed"))
    return bool(_CLIENT.search(named) or _SERVICE_SAYS.search(cause.message) or _BUILTIN.search(named) or simple)


# What would make a run reach for another address, or from another place.
_SET_UP = ("argument ", "code version", "script location", "engine version", "job modified")


def _got_through_before(context: Context) -> bool:
    """Whether the last good run went with the same code, arguments and job."""
    facts = context.facts
    return facts.last_good is not None and not any(one.what.startswith(_SET_UP) for one in facts.changes)


def _swallowed(detector: str, context: Context) -> Iterator[Finding]:
    """Tell of a failure that the job passed over; what a rule makes of it stands beside."""
    for error in swallowed(context)[:1]:
        root = error.root
        said = f"{root.exception}: {root.message}".strip(": ").partition("\n")[0][:200]
        yield Finding(
            detector=f"{detector}/swallowed-failure",
            category=Category.UNKNOWN,
            failure_mode=FailureMode.INSUFFICIENT_EVIDENCE,
            strength=Strength.MODERATE,
            statement=f"the run is called a success, yet Glue's exception analysis saw it fail: {said}",
            evidence=unique((error.evidence, context.facts.run.evidence)),
        )


def _missing_code(detector: str, hit: Hit) -> Finding:
    return Finding(
        detector=f"{detector}/missing-code",
        category=Category.UNKNOWN,
        failure_mode=FailureMode.CONFIGURATION_ERROR,
        strength=hit.strength,
        statement=f"a script or library that the job needs is not there: {hit.telling}",
        evidence=(hit.error.evidence,),
    )


def _failed_rules(context: Context) -> list[QualityRule]:
    run_id = context.facts.run.run_id
    return [rule for rule in context.facts.quality if rule.outcome == "FAIL" and rule.run_id in {None, run_id}]
