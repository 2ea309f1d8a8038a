"""SOURCE_DELAY: the input is not there yet, is late, or is much less than usual."""

import re
from collections.abc import Iterator, Sequence

from pipetriage.detectors.changes import code_changed
from pipetriage.detectors.rules import Hit, Rule, RuleBook, pattern, strongest, swallowed, unique, weaker, words
from pipetriage.detectors.volumes import records_written, settled, usual, usually_quiet
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import GoodRun, ListedFile, Listing
from pipetriage.model.file_sizes import data_files
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings

# Sources: Spark's error conditions, Hadoop's input formats, S3's error codes, Python's and pyarrow's messages.
RULES: tuple[Rule, ...] = (
    Rule(
        id="empty-path",
        mode=FailureMode.EMPTY_PATH,
        says="the input holds nothing to read",
        conditions=words("UNABLE_TO_INFER_SCHEMA EMPTY_SCHEMA_NOT_SUPPORTED_FOR_DATASOURCE"),
        exceptions=words("EmptyDataError EmptyDataFrame NoFilesFound"),
    ),
    Rule(
        id="empty-path-in-words",
        mode=FailureMode.EMPTY_PATH,
        says="the input holds nothing to read",
        text=pattern(
            r"Unable to infer schema",
            r"does not support writing empty or nested empty schemas",
            r"Illegal empty schema",
            r"No columns to parse from file",
            r"(?:no|zero) (?:input |source )?files (?:were )?found",
        ),
    ),
    Rule(
        id="missing-path",
        mode=FailureMode.MISSING_PATH,
        says="the input path does not exist",
        conditions=words("PATH_NOT_FOUND LOAD_DATA_PATH_NOT_EXISTS DELTA_PATH_DOES_NOT_EXIST"),
        exceptions=words(
            "FileNotFoundException FileNotFoundError NoSuchFileException NoSuchKeyException NoSuchKey "
            "SparkFileNotFoundException PathNotFoundException"
        ),
    ),
    Rule(
        id="missing-path-in-words",
        mode=FailureMode.MISSING_PATH,
        says="the input path does not exist",
        text=pattern(
            r"\bPath does not exist\b",
            r"Input path does not exist",
            r"Input Pattern .{1,600} matches 0 files",
            r"\bNoSuchKey\b",
            r"No such file or directory",
            r"The specified key does not exist",
            r"Location does not exist: ",
            r"when calling the HeadObject operation: Not Found",
            r"Service: (?:Amazon ?)?S3[;,].{0,60}Status Code: 404",
        ),
    ),
    Rule(
        id="missing-partition",
        mode=FailureMode.MISSING_PATH,
        says="the input partition does not exist",
        conditions=words("PARTITIONS_NOT_FOUND"),
        ceiling=Strength.MODERATE,
    ),
    Rule(
        id="upstream-late",
        mode=FailureMode.LATE_FILES,
        says="what the job waits for did not come in time",
        # Airflow's sensors, dbt's source freshness.
        ceiling=Strength.MODERATE,
        text=pattern(r"\bAirflowSensorTimeout\b|Sensor has timed out|Snap\. Time is OUT"),
    ),
    Rule(
        id="stale-source",
        mode=FailureMode.LATE_FILES,
        says="the source is older than it may be",
        ceiling=Strength.MODERATE,
        text=pattern(r"\bSTALE freshness of ", r"source freshness .{0,80}(?:stale|exceed|fail)"),
    ),
    Rule(
        id="low-records-in-words",
        mode=FailureMode.LOW_RECORD_COUNT,
        says="the job itself found too few records",
        text=pattern(
            r"(?:row|record)s? ?counts? .{0,80}(?:below|less than|lower than|under|fewer than|too low)",
            r"\btoo few (?:rows|records|files)\b",
            r"\b(?:less|fewer) than [\d,]{1,15} (?:rows|records|files)\b",
            r"expected (?:at least|more than|>=?) ?[\d,]{1,15} (?:rows|records|files|events|lines)",
            r"\b(?:rows|records|files|events|lines)\b.{0,80}\bat least [\d,]{1,15} (?:are )?(?:expected|required)",
            r"\bonly [\d,]{1,15} (?:rows|records) (?:were )?(?:received|read|found)",
        ),
    ),
)

# A path in a message: with a scheme, or absolute and at least two folders deep.
_PATH = re.compile(r"(?:[a-z][a-z0-9+.-]{0,15}:/{1,3}|(?<![\w/.])/(?=[\w.-]{1,255}/))[^\s'\"`,;()\[\]<>|]{1,1024}")
# Never the batch's input, wherever it lies: a writer's own workspace, a checkpoint, table metadata, code.
_NOT_INPUT = re.compile(
    r"/_temporary\b|\.spark-staging|/checkpoints?\b|/_delta_log/|/\.hoodie\b|/metadata/[^/]{1,255}\.(?:json|avro)$"
    r"|\.(?:py|jar|whl|egg|so|properties|conf|cfg|ini|toml)$|/(?:scripts?|jars|site-packages)/|blockmgr-|/spark-[0-9a-f]{8}-",
    re.IGNORECASE,
)
_CODE_FILE = re.compile(r"\.(?:py|jar|whl|egg|so)$", re.IGNORECASE)
_LOW_RULES = frozenset({"rowcount", "rowcountmatch", "filematch", "filefreshness", "datafreshness"})
# Changes by which a run may look for its input in another place.
_MOVES = ("argument ", "code version", "script location", "job modified")


class SourceDelay:
    """Finds input that is missing, empty, late or short."""

    id = "source_delay"
    summary = "The input path is missing or empty, files came late, or far fewer records than usual arrived."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from missing-path errors against the source's listing, then from volumes."""
        found = []
        for hit in self._book.hits(context):
            if hit.rule.category is Category.SOURCE_DELAY and (one := self._missing(context, hit)) is not None:
                found.append(one)
            elif hit.rule.id == "files-gone" and of_source(context, hit):
                found.append(self._replaced(context, hit))
            elif hit.rule.id.startswith("table-not-found") and code_changed(context, self._thresholds) is None:
                found.append(self._not_made(hit))
        other = self._book.other_cause(context, Category.SOURCE_DELAY)
        told = other is not None and other.rule.mode is not FailureMode.QUALITY_FAILED
        checks = (hit for hit in self._book.hits(context) if hit.rule.mode is FailureMode.QUALITY_FAILED)
        refused = next((hit for hit in checks if hit.error.terminal and not hit.error.survived), None)
        if not found:
            found.extend(self._empty_listing(context, told))
            found.extend(self._late(context, told))
            found.extend(self._low(context, told, refused))
        return strongest(found)

    def _not_made(self, hit: Hit) -> Finding:
        """A table that the unchanged code reads, and that is not there: whoever makes it has not yet, or dropped it."""
        return Finding(
            detector=f"{self.id}/table-not-there",
            category=Category.SOURCE_DELAY,
            failure_mode=FailureMode.MISSING_PATH,
            strength=weaker(hit.strength, Strength.MODERATE),
            statement=f"a table or partition that the job reads is not there: {hit.telling}",
            evidence=(hit.error.evidence,),
        )

    def _replaced(self, context: Context, hit: Hit) -> Finding:
        """A file of the input that went between listing and reading: whoever delivers it had not finished."""
        listing = context.facts.source
        return Finding(
            detector=f"{self.id}/replaced-files",
            category=Category.SOURCE_DELAY,
            failure_mode=FailureMode.LATE_FILES,
            strength=weaker(hit.strength, Strength.MODERATE),
            statement=f"a file of the input was replaced or taken away while it was read: {hit.telling}",
            evidence=unique((hit.error.evidence, *([listing.evidence] if listing is not None else []))),
        )

    def _missing(self, context: Context, hit: Hit) -> Finding | None:
        if hit.rule.mode is FailureMode.LOW_RECORD_COUNT:
            return hit.finding(self.id, extra=(evidence for _, evidence in _low_signals(context, self._thresholds)))
        if hit.rule.id == "missing-partition":
            # The catalog does not know it yet; what lies in the folder says nothing about that.
            return hit.finding(self.id)
        paths = [_normal(path) for path in _PATH.findall(hit.cause.message)]
        declared = _normal(context.facts.source_uri) if context.facts.source_uri else None
        mine = [path for path in paths if declared and _related(path, declared)]
        if paths and not mine and any(_NOT_INPUT.search(path) or _of_table(context, path) for path in paths):
            return None
        if mine and all(_NOT_INPUT.search(path) for path in mine):
            return None
        listing = context.facts.source
        if (declared and paths and not mine) or listing is None or Signal.SOURCE_LISTING not in context.seen:
            # Another input, or nothing to hold against the error: sure only where nobody moved the path since then.
            moved = context.facts.last_good is None or any(one.what.startswith(_MOVES) for one in context.facts.changes)
            return hit.finding(self.id, strength=weaker(hit.strength, Strength.MODERATE) if moved else hit.strength)
        strength, why = _against_listing(context, hit, listing, mine)
        finding = hit.finding(self.id, strength=weaker(hit.strength, strength), extra=(listing.evidence,))
        return Finding(
            detector=finding.detector,
            category=finding.category,
            failure_mode=finding.failure_mode,
            strength=finding.strength,
            statement=f"{finding.statement} ({why})",
            evidence=finding.evidence,
        )

    def _empty_listing(self, context: Context, told: bool) -> Iterator[Finding]:
        listing = context.facts.source
        if listing is None or not listing.complete or data_files(listing):
            return
        yield Finding(
            detector=f"{self.id}/empty-listing",
            category=Category.SOURCE_DELAY,
            failure_mode=FailureMode.EMPTY_PATH,
            strength=Strength.WEAK if told or context.terminal_errors else Strength.MODERATE,
            statement=f"the source {listing.uri} holds no file",
            evidence=(listing.evidence,),
        )

    def _late(self, context: Context, told: bool) -> Iterator[Finding]:
        listing, run = context.facts.source, context.facts.run
        if listing is None or run.started_at is None or context.pipeline.source_consumed:
            return
        files = data_files(listing)
        late = [file for file in files if file.modified_at is not None and file.modified_at > run.started_at]
        if not late or run.in_flight:
            return
        short = any(True for _ in self._low(context, False, None))
        yield Finding(
            detector=f"{self.id}/late-files",
            category=Category.SOURCE_DELAY,
            failure_mode=FailureMode.LATE_FILES,
            strength=Strength.WEAK
            if told
            else Strength.STRONG
            if short
            else Strength.MODERATE
            if run.succeeded
            else Strength.WEAK,
            statement=f"{len(late)} of {len(files)} source files came after the run had started",
            evidence=unique((listing.evidence, run.evidence)),
        )

    def _low(self, context: Context, told: bool, refused: Hit | None) -> Iterator[Finding]:
        signals = list(_low_signals(context, self._thresholds))
        rules = [
            rule
            for rule in context.facts.quality
            if rule.outcome == "FAIL"
            and rule.rule_type.lower() in _LOW_RULES
            and rule.run_id in {None, context.facts.run.run_id}
        ]
        signals += [(f"the data-quality rule {rule.rule} failed", rule.evidence) for rule in rules[:1]]
        if not signals:
            return
        if refused is not None:
            # The job's own check refused the data, and there is too little of it: two witnesses of one thing.
            signals.append((f"the job's own check failed ({refused.telling})", refused.error.evidence))
        sources = {evidence for _, evidence in signals}
        # A failure that the job passed over explains itself what was not written.
        if told or (sources == {"history"} and swallowed(context)):
            strength = Strength.WEAK
        elif len(sources) > 1:
            strength = Strength.STRONG
        else:
            # An error that nothing explains may well come from elsewhere.
            strength = (
                Strength.MODERATE if context.facts.run.succeeded or not context.terminal_errors else Strength.WEAK
            )
        yield Finding(
            detector=f"{self.id}/low-records",
            category=Category.SOURCE_DELAY,
            failure_mode=FailureMode.LOW_RECORD_COUNT,
            strength=strength,
            statement="; ".join(dict.fromkeys(text for text, _ in signals)),
            evidence=unique(evidence for _, evidence in signals),
        )


def of_source(context: Context, hit: Hit) -> bool:
    """Whether what is missing lies in the batch's declared input."""
    declared = context.facts.source_uri
    paths = [_normal(path) for path in _PATH.findall(hit.cause.message)]
    return declared is not None and any(path.startswith(_normal(declared) + "/") for path in paths)


def missing_code_file(hit: Hit) -> bool:
    """Whether what is missing is a script or a library: a matter of configuration, not of the input."""
    return any(_CODE_FILE.search(_normal(path)) for path in _PATH.findall(hit.cause.message))


def _normal(path: str) -> str:
    path = re.sub(r"^s3[an]:", "s3:", path.rstrip(".:"))
    return re.sub(r"^file:/{1,3}", "/", path).rstrip("/*")


def _related(path: str, declared: str) -> bool:
    """Whether a path is the declared source, something in it, or a folder above it."""
    path, declared = path.rstrip("/"), declared.rstrip("/")
    above = declared.startswith(path + "/") and path.count("/") > 2
    return path == declared or path.startswith(declared + "/") or above


def _of_table(context: Context, path: str) -> bool:
    """Whether a path lies in one of the run's own tables."""
    for table in context.facts.tables:
        places = [part.location for part in (table.catalog, table.iceberg) if part is not None]
        places.append(table.listing.uri if table.listing is not None else None)
        if any(place and path.startswith(_normal(place) + "/") for place in places):
            return True
    return False


def _against_listing(context: Context, hit: Hit, listing: Listing, paths: list[str]) -> tuple[Strength, str]:
    files = data_files(listing)
    within = [file for file in files if not paths or any(_inside(file, path) for path in paths)]
    if not within:
        if not listing.complete:
            return Strength.MODERATE, "the listing of the source is cut short and shows nothing there"
        return Strength.STRONG, "the listing of the source shows nothing there either"
    failed_at = hit.error.first_at or context.facts.run.ended_at
    started = context.facts.run.started_at
    times = [file.modified_at for file in within if file.modified_at is not None]
    if failed_at is not None and len(times) == len(within) and all(at > failed_at for at in times):
        return Strength.STRONG, f"{len(within)} files arrived there only after the failure"
    if started is not None and times and any(at < started for at in times):
        return Strength.WEAK, f"yet {len(within)} files lie there, some from before the run started"
    return Strength.MODERATE, f"{len(within)} files lie there now"


def _inside(file: ListedFile, path: str) -> bool:
    uri = _normal(file.uri)
    # A pattern in the path is compared up to its first wildcard.
    plain = re.split(r"[*?{]", path, maxsplit=1)[0]
    return uri == path or uri.startswith(path + "/") or (plain != path and uri.startswith(plain))


def _low_signals(context: Context, thresholds: ThresholdSettings) -> Iterator[tuple[str, str]]:
    """Tell what says that too little came, each with its evidence."""
    facts = context.facts
    past = settled(facts.good_runs, thresholds)
    # What runs wrote, into all tables together, is no measure of what this one read.
    read = [run.records for run in past if run.records is not None and not run.written]
    now, before = context.facts.source, context.facts.previous_source
    if now is not None and before is not None and now.complete and before.complete:
        came, before_came = (sum(file.size for file in data_files(one)) for one in (now, before))
        if 0 < came < before_came * thresholds.low_record_ratio:
            yield f"the input holds {came:,} bytes, the last good batch's {before_came:,}", now.evidence
    least, counts = context.pipeline.min_records, list(_counts(context))
    for count, what, evidence in counts:
        if least is not None and count < least:
            yield f"{count} records {what}, at least {least} are declared", evidence
        elif (than := usual(read, thresholds)) is not None and count < than.bound:
            yield f"{count} records {what}, {than.mean:.0f} in the mean of {than.runs} good runs", evidence
        elif count == 0 and facts.run.succeeded:
            yield f"no record {what}", evidence
    if not any(count for count, _, _ in counts):
        yield from _no_file(context)
    yield from _written(context, past, thresholds, least if not counts else None)


def _no_file(context: Context) -> Iterator[tuple[str, str]]:
    """Tell where a run that succeeded read no file, by the metric that counts them."""
    for metric in context.facts.metrics:
        if context.facts.run.succeeded and metric.label == "glue.driver.filesRead" and metric.maximum == 0:
            yield "no file read by the job's metrics", metric.evidence


def _written(
    context: Context, past: Sequence[GoodRun], thresholds: ThresholdSettings, least: int | None
) -> Iterator[tuple[str, str]]:
    """Tell where a run that succeeded wrote too little into its tables."""
    facts = context.facts
    own = facts.own_volume.records if facts.own_volume is not None else None
    if own is None or not facts.run.succeeded:
        return
    than = usual(records_written(past), thresholds)
    if least is not None and own < least:
        yield f"{own} records written to the tables, at least {least} are declared", "history"
    elif own == 0 and usually_quiet(past):
        return
    elif than is not None and own < than.bound:
        yield f"{own} records written to the tables, {than.mean:.0f} in the mean of {than.runs} good runs", "history"
    elif own == 0:
        yield "no record written to the tables", "history"


def _counts(context: Context) -> Iterator[tuple[int, str, str]]:
    """Give the records of this run by each source that counted them."""
    run = context.facts.run
    for row in context.facts.control:
        # A run that died early may have left a zero that it never came to fill in.
        if row.run_id == run.run_id and row.records is not None and (row.records or run.succeeded):
            yield row.records, "in the control row", row.evidence
    if run.succeeded:
        # Of a failed run, what it had read until then says nothing about the input.
        for metric in context.facts.metrics:
            if metric.label in {"glue.driver.recordsRead", "glue.driver.aggregate.recordsRead"}:
                yield int(max(metric.total, metric.maximum)), "read by the job's metrics", metric.evidence
        for application in context.facts.spark:
            read = sum(int(stage.input_records.total) for stage in application.stages)
            if read:
                yield read, "read by the event log", application.evidence
