"""SMALL_FILE_PRESSURE: so many files that listing, planning or opening them broke the run."""

import re
from collections.abc import Iterator

import msgspec

from pipetriage.detectors.rules import Hit, RuleBook, strongest, unique
from pipetriage.detectors.source_delay import data_files
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.facts import IcebergTable, Listing
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings

# Spark's own count while it lists (InMemoryFileIndex), wherever an error or its excerpt quotes it.
_LISTING = re.compile(r"Listing leaf files and directories (?:for|in parallel under) (\d{1,9}) paths")
# Stack frames of listing and planning: Spark's file index, Hadoop's and S3A's listing, Iceberg's planning.
_LISTING_FRAME = re.compile(
    r"InMemoryFileIndex|listLeafFiles|HadoopFSUtils|listStatus|listFiles|ListBucket|FileInputFormat\.getSplits"
    r"|PartitioningAwareFileIndex|CatalogFileIndex|ManifestGroup|ManifestReader|planFiles|planTasks|DeltaLog"
)
_LISTING_TEXT = re.compile(r"ListBucketHandler", re.IGNORECASE)


class ManyFiles(msgspec.Struct, frozen=True, kw_only=True):
    """One place with many small files."""

    what: str
    mode: FailureMode
    count: int
    evidence: str


def many_files(context: Context, thresholds: ThresholdSettings) -> list[ManyFiles]:
    """Find listings and tables with many files that are small on average; the most files first."""
    found = []
    listing = context.facts.source
    first = _in_listing(listing, FailureMode.MANY_INPUT_FILES, thresholds) if listing is not None else None
    if first is not None:
        found.append(first)
    for table in context.facts.tables:
        one = _in_iceberg(table.key.name, table.iceberg, thresholds) if table.iceberg is not None else None
        if one is None and table.listing is not None:
            one = _in_listing(table.listing, FailureMode.MANY_TABLE_FILES, thresholds)
        if one is not None:
            found.append(one)
    for application in context.facts.spark:
        for stage in application.stages:
            average = stage.input_bytes.total / stage.tasks if stage.tasks else 0
            small = stage.input_tasks_tiny >= thresholds.small_file_count and 0 < average < thresholds.small_file_bytes
            if small and stage.input_tasks_tiny * 2 > stage.tasks:
                what = f"{stage.input_tasks_tiny} of {stage.tasks} tasks of stage {stage.stage_id} read less than 1 MiB"
                found.append(
                    ManyFiles(what=what, mode=FailureMode.MANY_INPUT_FILES, count=stage.tasks, evidence=stage.evidence)
                )
    return sorted(found, key=lambda one: -one.count)


def _in_listing(listing: Listing, mode: FailureMode, thresholds: ThresholdSettings) -> ManyFiles | None:
    files = data_files(listing)
    return _small(listing.uri, len(files), sum(file.size for file in files), mode, listing.evidence, thresholds)


def _in_iceberg(name: str, table: IcebergTable, thresholds: ThresholdSettings) -> ManyFiles | None:
    current = next((one for one in table.snapshots if one.snapshot_id == table.current_snapshot_id), None)
    if current is None:
        return None
    files, size = (_number(current.summary.get(key)) for key in ("total-data-files", "total-files-size"))
    if files is None or size is None:
        return None
    return _small(f"table {name}", files, size, FailureMode.MANY_TABLE_FILES, current.evidence, thresholds)


def _small(
    where: str, count: int, size: int, mode: FailureMode, evidence: str, thresholds: ThresholdSettings
) -> ManyFiles | None:
    if count < thresholds.small_file_count or size >= count * thresholds.small_file_bytes:
        return None
    what = f"{where} holds {count} files of {size / count / 2**20:.2f} MiB on average"
    return ManyFiles(what=what, mode=mode, count=count, evidence=evidence)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 19 else None


def listing_pressure(context: Context, hit: Hit, thresholds: ThresholdSettings) -> str | None:
    """Say why this error comes of many files; None when nothing shows that it does."""
    error = hit.error
    frames = any(_LISTING_FRAME.search(frame) for frame in error.user_frames)
    frames = frames or any(_LISTING_FRAME.search(cause.message) for cause in error.causes)
    count = listed_paths(context)
    many = many_files(context, thresholds)
    huge = count >= thresholds.many_files or any(one.count >= thresholds.many_files for one in many)
    if hit.rule.id in {"driver-memory", "memory"} and frames:
        return "the driver ran out of memory while it listed files"
    if hit.rule.id == "result-size" and many:
        return "a task for each of many small files returned its result"
    if hit.rule.id == "s3-slow-down" and (many or huge):
        return "S3 slowed down the requests for many objects"
    if hit.rule.id in {"pool", "pool-in-words"} and (many or huge):
        return "listing and opening many objects used up the connections"
    if hit.rule.id in {"driver-memory", "memory", "connection"} and huge and _LISTING_TEXT.search(hit.cause.message):
        return "listing many objects used up memory or connections"
    if hit.rule.id in {"driver-memory"} and huge:
        return "the driver ran out of memory over many files"
    return None


def listed_paths(context: Context) -> int:
    """Give the largest number of paths that Spark said it was listing."""
    texts = (text for error in context.errors for text in (error.excerpt, *(cause.message for cause in error.causes)))
    return max((int(found) for text in texts for found in _LISTING.findall(text)), default=0)


class SmallFilePressure:
    """Finds many small files, and says that they broke the run only where what broke fits it."""

    id = "small_file_pressure"
    summary = "Listing, planning or opening very many small files used up memory, requests or time."

    def __init__(self, book: RuleBook, thresholds: ThresholdSettings) -> None:
        self._book = book
        self._thresholds = thresholds

    def detect(self, context: Context) -> list[Finding]:
        """Conclude from the errors that many files cause, then from the numbers alone."""
        found = list(self._explained(context))
        return strongest(found or self._numbers(context))

    def _explained(self, context: Context) -> Iterator[Finding]:
        many = many_files(context, self._thresholds)
        for hit in self._book.hits(context):
            why = listing_pressure(context, hit, self._thresholds)
            if why is None:
                continue
            yield Finding(
                detector=f"{self.id}/{hit.rule.id}",
                category=Category.SMALL_FILE_PRESSURE,
                failure_mode=many[0].mode if many else FailureMode.LISTING_PRESSURE,
                strength=hit.strength,
                statement=f"{why}{f'; {many[0].what}' if many else ''}: {hit.telling}",
                evidence=unique((hit.error.evidence, *(one.evidence for one in many[:2]))),
            )

    def _numbers(self, context: Context) -> Iterator[Finding]:
        run = context.facts.run
        for one in many_files(context, self._thresholds)[:2]:
            # A run out of time with no error of its own, over this many files, fits; anything else is a hint.
            slow = run.state == "TIMEOUT" and not context.terminal_errors and one.count >= self._thresholds.many_files
            yield Finding(
                detector=f"{self.id}/numbers",
                category=Category.SMALL_FILE_PRESSURE,
                failure_mode=one.mode,
                strength=Strength.MODERATE if slow else Strength.WEAK,
                statement=one.what,
                evidence=(one.evidence,),
            )
