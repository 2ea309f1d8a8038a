"""SMALL_FILE_PRESSURE: so many files that listing, planning or opening them broke the run."""

import re
from collections.abc import Iterator

from pipetriage.detectors.many_files import ManyFiles, many_files
from pipetriage.detectors.rules import Hit, RuleBook, strongest, unique
from pipetriage.detectors.time_taken import run_ms
from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.context import Context
from pipetriage.model.facts import Run
from pipetriage.model.finding import Finding, Strength
from pipetriage.settings import ThresholdSettings

# Spark's own count while it lists (InMemoryFileIndex), wherever an error or its excerpt quotes it.
_LISTING = re.compile(r"Listing leaf files and directories (?:for|in parallel under) (\d{1,9}) paths")
# Stack frames of listing and planning: Spark's file index, Hadoop's and S3A's listing, Iceberg's planning.
_LISTING_FRAME = re.compile(
    r"InMemoryFileIndex|listLeafFiles|HadoopFSUtils|listStatus|listFiles|ListBucket|FileInputFormat\.getSplits"
    r"|PartitioningAwareFileIndex|CatalogFileIndex|ManifestGroup|ManifestReader|planFiles|planTasks|DeltaLog"
)
# The rules, of whatever table, of which many files may be the reason.
_PRESSED = frozenset({"driver-memory", "memory", "result-size", "s3-slow-down", "pool", "pool-in-words", "connection"})
# What a driver does with rows, not with files: its memory went into those.
_COLLECTING_FRAME = re.compile(r"\bcollect|executeCollect|toPandas|BroadcastExchange|executeBroadcast|executeTake")
_LISTING_TEXT = re.compile(r"ListBucketHandler", re.IGNORECASE)


def listing_pressure(context: Context, hit: Hit, thresholds: ThresholdSettings) -> str | None:
    """Say why this error comes of many files; None when nothing shows that it does."""
    if hit.rule.id not in _PRESSED:
        return None
    error = hit.error
    frames = any(_LISTING_FRAME.search(frame) for frame in error.user_frames)
    frames = frames or any(_LISTING_FRAME.search(cause.message) for cause in error.causes)
    count = listed_paths(context)
    many = many_files(context, thresholds)
    huge = count >= thresholds.many_files or any(one.count >= thresholds.many_files for one in many)
    if hit.rule.id in {"driver-memory", "memory"} and frames:
        return "the driver ran out of memory while it listed files"
    # Where memory ran out, what good runs managed too, and what this run does not read, is not why. A service that
    # slows down says itself that the requests were too many: that it may pass is not to be promised then.
    new = [one for one in many if one.read and not one.usual]
    if hit.rule.id == "result-size" and new:
        return "a task for each of many small files returned its result"
    if hit.rule.id == "s3-slow-down" and (many or huge):
        return "S3 slowed down the requests for many objects"
    if hit.rule.id in {"pool", "pool-in-words"} and (many or huge):
        return "listing and opening many objects used up the connections"
    if hit.rule.id in {"driver-memory", "memory", "connection"} and huge and _LISTING_TEXT.search(hit.cause.message):
        return "listing many objects used up memory or connections"
    full = count >= thresholds.many_files or any(one.count >= thresholds.many_files for one in new)
    if hit.rule.id == "driver-memory" and full and not any(_COLLECTING_FRAME.search(one) for one in error.user_frames):
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
        found = many_files(context, self._thresholds)
        measured = any(one.took_ms for one in found)
        for one in found[:2]:
            yield Finding(
                detector=f"{self.id}/numbers",
                category=Category.SMALL_FILE_PRESSURE,
                failure_mode=one.mode,
                strength=self._by_its_end(context, one, measured=measured),
                statement=one.what,
                evidence=unique((one.evidence, *((context.facts.run.evidence,) if one.took_most else ()))),
            )

    def _by_its_end(self, context: Context, one: ManyFiles, *, measured: bool) -> Strength:
        """Judge many files of a run of which no error says why it ended: only a timeout is theirs, and not always.

        Where anything is known of what reading them took, a mere count says no more.
        """
        run = context.facts.run
        if run.succeeded or context.terminal_errors or one.usual or not one.read:
            return Strength.WEAK
        if one.took_most:
            # Nobody but the clock ends a run with TIMEOUT. A killed driver, or a person's stop, may have had another
            # reason.
            return Strength.STRONG if run.state == "TIMEOUT" else Strength.MODERATE
        if run.state != "TIMEOUT" or measured:
            return Strength.WEAK
        huge = one.count >= self._thresholds.many_files
        return Strength.MODERATE if huge or (one.grown and self._may_take(run, one.count)) else Strength.WEAK

    def _may_take(self, run: Run, files: int) -> bool:
        """Whether handling so many files one after another takes the larger part of the time that the run had."""
        lasted = run_ms(run)
        return 0 < self._thresholds.time_share * lasted <= files * self._thresholds.small_file_ms
