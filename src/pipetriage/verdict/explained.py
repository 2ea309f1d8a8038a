"""Every rule of both decisions in words: when it holds. ``docs/rules.md`` shows the same two tables."""

from typing import NamedTuple


class Explained(NamedTuple):
    """One rule."""

    holds_when: str
    unsafe: bool = False
    """Of the rerun: whether breaking it means that something would be applied twice or lost (UNSAFE, not UNKNOWN)."""


RERUN_RULES = {
    "RUN_UNOBSERVED": Explained("the run itself was seen"),
    "HISTORY_UNOBSERVED": Explained("all attempts of the batch are known: the run history reaches back far enough"),
    "JOB_UNOBSERVED": Explained("the job's definition was seen (MaxRetries, bookmark)"),
    "OUTPUTS_UNDECLARED": Explained("the pipeline declares which tables it writes"),
    "DECLARATION_UNCONFIRMED": Explained("the declaration is not marked as `drafted`: a person has checked it"),
    "RUN_IN_FLIGHT": Explained("no run of the job or batch is in flight"),
    "ENGINE_WILL_RETRY": Explained("neither engine nor orchestrator will start the next attempt by itself"),
    "TABLE_UNOBSERVED": Explained("each table's evidence proves that nothing more was written than is seen"),
    "OUTPUT_REPEATED": Explained(
        "nothing of the batch is in the table or about to be published, or writing it again replaces it", unsafe=True
    ),
    "WRITE_MODE_UNPROVEN": Explained("the snapshots seen agree with a declared repeatable write mode"),
    "STAGING_NOT_REPLACED": Explained("the job is seen to empty or replace staging before it writes", unsafe=True),
    "LATER_BATCH_WRITTEN": Explained(
        "no one else wrote since to the partitions that a rerun would replace", unsafe=True
    ),
    "BOOKMARK_ADVANCED": Explained("bookmarks are off, or stand at the last good run before this batch", unsafe=True),
    "BOOKMARK_WITH_OVERWRITE": Explained("bookmarks are not combined with an overwriting write mode", unsafe=True),
    "SOURCE_GONE": Explained(
        "a declared source could be listed and holds the input, or the run stopped for its absence", unsafe=True
    ),
    "CONTROL_UNOBSERVED": Explained("a declared control table could be read, and its words are the declared ones"),
    "CONTROL_SKIPS_BATCH": Explained("the control row does not make the job skip the batch"),
    "CONTROL_CONTRADICTS_TABLE": Explained(
        "the control row and the tables tell the same story, or a rerun is proven to replace what is there"
    ),
    "OTHER_EFFECTS": Explained("no declared side effect elsewhere can have begun", unsafe=True),
}
"""The rerun is SAFE only if every one holds."""

RETRY_RULES = {
    "RERUN_NOT_SAFE": Explained("the rerun decision is SAFE"),
    "PARTIAL_WRITE_RISK": Explained("the category is another one"),
    "LOG_UNOBSERVED": Explained("the run's log was read in full: an error message alone may hide the cause"),
    "CAUSE_NEEDS_A_PERSON": Explained("the cause clears without a person changing anything"),
    "SOURCE_NOT_DECLARED": Explained("for a missing input: the batch's source is declared"),
    "OTHER_PATH_FAILED": Explained("for a missing input: the failing path is that source"),
    "SOURCE_UNOBSERVED": Explained("for a missing input: the source was listed in full"),
    "REFUSAL_SEEN": Explained("for a missing input: no refusal is seen, which would look the same"),
    "PATH_MAY_HAVE_CHANGED": Explained("for a missing input: path, arguments and code are those of the last good run"),
    "CHANGED_SINCE_THE_RUN": Explained("neither code nor job was changed since the run began"),
    "NO_ATTEMPTS_LEFT": Explained("fewer than `max_attempts` runs of the batch were made"),
    "BATCH_ALREADY_DONE": Explained("no run of the batch succeeded"),
    "QUALITY_FAILED": Explained("no data-quality rule failed in any attempt"),
    "MODEL_OBJECTS": Explained(
        "the language model, where one was asked, holds a retry for safe, too (only there when it does not)"
    ),
    "MODEL_DISAGREES": Explained(
        "it names no other cause than the one that makes the retry safe (only there when it does)"
    ),
}
"""The run is safe to retry only if every one holds."""
