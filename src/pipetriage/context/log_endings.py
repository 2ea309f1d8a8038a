"""Which of the errors ended the run, and which ones it survived."""

from typing import NamedTuple

from pipetriage.context.log_groups import Group
from pipetriage.context.stack_traces import Link

# States in which nothing ended in failure (Glue's JobRunState).
_NO_FAILURE = frozenset({"SUCCEEDED", "STARTING", "RUNNING", "STOPPING", "WAITING"})
# States that come from outside: what the log last complained about need not be why.
_ENDED_FROM_OUTSIDE = frozenset({"TIMEOUT", "STOPPED", "EXPIRED"})
# Lines of ordinary output after an error that show that the job went on.
_PROGRESS_LINES = 5
_ENOUGH_WORDS = 8


class Ending(NamedTuple):
    """The errors that ended the run, the best root first; and those that it survived."""

    terminal: list[Group]
    survived: set[int]
    """``id`` of each group that the job outlived."""


def decide(
    groups: list[Group], run_error: Group | None, run_state: str, finished: set[tuple[str, str]], progress: int
) -> Ending:
    """Judge the log's errors.

    ``run_error`` is the run's own ErrorMessage, ``finished`` the tasks that worked later, ``progress`` the number of
    lines of ordinary output.
    """
    failed = run_state.upper() not in _NO_FAILURE
    terminal = _terminal(groups, run_error, run_state.upper(), finished) if failed else []
    first_end = min((group.progress for group in terminal if group.is_error), default=None)
    last_word = _last_word(groups, finished, progress) if failed and not terminal else None
    survived = {
        id(group)
        for group in groups
        if group not in terminal and group is not last_word and _survived(group, failed, first_end, finished)
    }
    return Ending(terminal, survived)


def _terminal(groups: list[Group], run_error: Group | None, state: str, finished: set[tuple[str, str]]) -> list[Group]:
    says_why = run_error is not None and not run_error.opaque
    primary = _matching(groups, run_error) if run_error is not None and says_why else None
    if primary is None:
        primary = _by_log(groups, state, weak=not says_why, finished=finished)
    chain = [primary] if primary is not None else []
    doubtful = primary or (run_error if says_why else None)
    if doubtful is not None and (doubtful.secondary or doubtful.opaque):
        masked = _masked(groups, before=primary)
        chain = [masked, *chain] if masked is not None else chain
    roots = {group.root_key for group in chain}
    chain += [group for group in groups if group.root_key in roots and group not in chain and group.named]
    return chain


def _by_log(groups: list[Group], state: str, *, weak: bool, finished: set[tuple[str, str]]) -> Group | None:
    errors = sorted((group for group in groups if group.is_error), key=lambda group: group.last_seen)
    ending = [group for group in errors if group.job_ending]
    if state in _ENDED_FROM_OUTSIDE:
        return ending[-1] if ending else None
    uncaught = [group for group in errors if group.uncaught or group.master]
    real = [g for g in errors if g.trace.event is None and g.task not in finished and not g.carried_on]
    for candidates in (ending, uncaught):
        telling = [group for group in candidates if not group.opaque and not group.secondary and group.named]
        if telling:
            return telling[-1]
    if not weak:
        return _last(ending or uncaught)
    for keep in (
        [group for group in real if group.named and not group.opaque and not group.secondary and not group.retried],
        [group for group in real if not group.opaque and not group.secondary and not group.retried],
        [group for group in real if not group.opaque],
    ):
        if keep:
            return keep[-1]
    return _last(ending or uncaught)


def _last(groups: list[Group]) -> Group | None:
    return groups[-1] if groups else None


def _matching(groups: list[Group], run_error: Group) -> Group | None:
    """Find the log error that the run's message tells of, the one with the fullest chain."""
    root = run_error.trace.links[-1]
    matches = [group for group in groups if any(_same(root, link) for link in group.trace.links)]
    return max(
        matches, key=lambda g: (g.is_error, len(g.trace.links), bool(g.trace.python_frame), g.last_seen), default=None
    )


def _same(one: Link, other: Link) -> bool:
    names = one.name.rsplit(".", 1)[-1], other.name.rsplit(".", 1)[-1]
    if all(names) and names[0] != names[1]:
        return False
    a, b = _words(one), _words(other)
    if names[0] and names[0] == names[1] and (a == b or not a or not b):
        return True
    return min(len(a), len(b)) >= _ENOUGH_WORDS and (b.startswith(a[:120]) or a.startswith(b[:120]))


def _words(link: Link) -> str:
    """Reduce a message to its letters: layouts and vendors differ in blanks, quotes and numbers."""
    return "".join(character for character in link.message[:600].lower() if character.isalpha())


def _masked(groups: list[Group], before: Group | None) -> Group | None:
    """Find the real error behind one that is an effect: the last telling one before it."""
    candidates = [
        group
        for group in groups
        if group is not before
        and not group.carried_on
        and not group.secondary
        and not group.opaque
        and (group.is_error or group.task is not None or group.executor_loss)
        and (group.named or group.executor_loss)
        and (before is None or group.first_seen < before.last_seen)
    ]
    return max(candidates, key=lambda group: (not group.retried, group.last_seen), default=None)


def _last_word(groups: list[Group], finished: set[tuple[str, str]], progress: int) -> Group | None:
    """Find the warning that a failed run's log ends with, where it has no error: nothing shows that it was survived."""
    if any(group.is_error for group in groups) or not groups:
        return None
    last = max(groups, key=lambda group: group.last_seen)
    over = last.retried or last.carried_on or last.task in finished or progress - last.progress >= _PROGRESS_LINES
    return last if (last.named or last.guessed) and not over else None


def _survived(group: Group, failed: bool, first_end: int | None, finished: set[tuple[str, str]]) -> bool:
    if not failed:
        return not group.job_ending
    if not group.is_error or group.task in finished or group.retried or group.carried_on:
        return True
    return first_end is not None and first_end - group.progress >= _PROGRESS_LINES
