"""The rerun rules about the batch's input: would a rerun read the whole of it? (design section 4.4, rule 4)"""

import re
from collections.abc import Iterator

from pipetriage.model.context import Context, Facts
from pipetriage.model.evidence import Signal
from pipetriage.model.facts import Bookmark, ListedFile, bookmark_option
from pipetriage.model.write_state import WriteStatus
from pipetriage.verdict.attempts import Attempts
from pipetriage.verdict.ruling import Ruling, asked_early, rule
from pipetriage.verdict.spelling import names_path
from pipetriage.verdict.write_state import OutputState

_UNTOUCHED = frozenset({WriteStatus.NOT_STARTED, WriteStatus.UNCOMMITTED})
_OVERWRITES = frozenset({"overwrite_partitions", "overwrite_table"})

# How Spark says that a folder holds nothing to read (domain facts 4.2), and S3 that an object is not there; neither
# always names the place.
_EMPTY_INPUT = re.compile(
    r"UNABLE_TO_INFER_SCHEMA|EMPTY_SCHEMA_NOT_SUPPORTED|(?i:unable to infer schema|empty or nested empty schemas)"
    r"|\bNoSuchKey\b|HeadObject operation: Not Found"
)


def bookmark_rules(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Iterator[Ruling]:
    """Rule: with bookmarks on, the rerun must still read the whole batch."""
    facts = context.facts
    option = bookmark_option(facts.run, facts.job)
    if option == "job-bookmark-disable":
        yield rule("BOOKMARK_ADVANCED", True, "job bookmarks are off", "job_run", "job")
        return
    overwriting = [one.output.table for one in outputs if one.output.write_mode in _OVERWRITES]
    if overwriting:
        why = f"bookmarks are on and {overwriting[0]} is overwritten: a rerun would replace it with only the new input"
        yield rule("BOOKMARK_WITH_OVERWRITE", False, why, "job_run", "job", unsafe=True)
    if facts.bookmark is None or Signal.BOOKMARK not in context.seen:
        yield rule("BOOKMARK_ADVANCED", False, "bookmarks are on, and the bookmark was not seen", "job_run", "job")
        return
    advanced = facts.bookmark.run_id in attempts.run_ids | {run.first_attempt_id for run in attempts.runs}
    if advanced:
        why = "the bookmark was saved by an attempt of this batch: a rerun would not read the batch again"
        yield rule("BOOKMARK_ADVANCED", False, why, "job_bookmark", unsafe=True)
        return
    stands, why = _bookmark_stands(facts.bookmark, context, attempts)
    yield rule("BOOKMARK_ADVANCED", stands, why, "job_bookmark")


def _bookmark_stands(bookmark: Bookmark, context: Context, attempts: Attempts) -> tuple[bool, str]:
    """Whether the last good run before this batch saved the bookmark: a rerun then reads this batch, all of it."""
    facts, first = context.facts, attempts.runs[0].started_at
    good = [run for run in attempts.others if run.succeeded and first and run.started_at and run.started_at < first]
    if bookmark.run_id is None and not bookmark.version:
        fresh = not good and facts.history_complete
        said = (
            "no run has saved a bookmark yet" if fresh else "the bookmark is empty though runs succeeded: it was reset"
        )
        return fresh, said
    ours = bool(good) and bookmark.run_id in {good[-1].run_id, good[-1].first_attempt_id}
    if ours and (early := asked_early(context, Signal.BOOKMARK, attempts)):
        return False, early
    if ours:
        return True, "the bookmark stands before this batch, at the last good run"
    return False, f"the bookmark was saved by run {bookmark.run_id}, which is not the last good run before this batch"


def source_rules(context: Context, attempts: Attempts, outputs: list[OutputState]) -> Iterator[Ruling]:
    """Rule: the batch's input is still all there."""
    facts, pipeline = context.facts, context.pipeline
    if pipeline.source_consumed:
        why = "the job consumes its input (source_consumed): what an attempt took is not read again"
        yield rule("SOURCE_GONE", False, why, "job_run")
        return
    if pipeline.source is None:
        yield rule("SOURCE_GONE", True, "no source is declared, and none is seen to be gone")
        return
    if facts.source is None:
        why = "the declared source could not be listed, so whether the batch's input is still there is unknown"
        yield rule("SOURCE_GONE", False, why)
        return
    if facts.source_uri is None:
        why = "the declared source cannot be filled in for this batch, so which files are its input is unknown"
        yield rule("SOURCE_GONE", False, why, facts.source.evidence)
        return
    there = any(_is_input(file, facts.source_uri) for file in facts.source.files)
    if not lists_the_source(facts) or not (facts.source.complete or there):
        why = "the listing is cut short or of another path, so whether the batch's input is still there is unknown"
        yield rule("SOURCE_GONE", False, why, facts.source.evidence)
        return
    if early := asked_early(context, Signal.SOURCE_LISTING, attempts):
        yield rule("SOURCE_GONE", False, early, facts.source.evidence)
        return
    read = facts.log.write_started or any(one.state.status not in _UNTOUCHED for one in outputs)
    before = [row.records for row in facts.control if row.run_id in attempts.run_ids and row.records]
    gone = not there and (read or bool(before))
    if not there and not gone and not _stopped_for_its_input(context):
        why = "the input is empty, and the run is not seen to have stopped for that: a rerun would write nothing"
        yield rule("SOURCE_GONE", False, why, facts.source.evidence)
        return
    why = "the run wrote from an input that is no longer there" if gone else "no input file is seen to be gone"
    yield rule("SOURCE_GONE", not gone, why, facts.source.evidence, unsafe=gone)


def _is_input(file: ListedFile, source: str) -> bool:
    """Whether a listed file is input of the batch: below its source, no folder's empty object, no marker."""
    name = file.uri.rsplit("/", 1)[-1]
    placed = "://" in source or source.startswith("/")  # a relative source was listed where the settings file lies
    below = not placed or file.uri == source or file.uri.startswith(source.rstrip("/") + "/")
    return file.size > 0 and below and not name.startswith(("_", "."))


def _stopped_for_its_input(context: Context) -> bool:
    """Whether the run is seen to have stopped at a missing or empty input: a rerun stops there again, or finds it."""
    uri = context.facts.source_uri or ""
    for error in context.terminal_errors:
        said = f"{error.excerpt} {' '.join(f'{cause.exception} {cause.message}' for cause in error.causes)}"
        # Some conditions name no path; one that names another is about another input.
        if names_path(said, uri) or (_EMPTY_INPUT.search(said) and "://" not in said):
            return True
    return False


def lists_the_source(facts: Facts) -> bool:
    """Whether the source listing is of the batch's declared source, as far as both say where they are."""
    wanted, listed = facts.source_uri, facts.source.uri if facts.source is not None else None
    if not wanted or not listed:
        return True
    # A listing of what only begins alike (orders/1 and orders/10) is read file by file.
    return wanted.rstrip("/").startswith(listed.rstrip("/")) or listed.startswith(wanted.rstrip("/"))
