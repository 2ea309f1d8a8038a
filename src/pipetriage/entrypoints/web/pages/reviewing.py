"""What a person says about a verdict: the form as it was sent, what is wrong with it, and the review it makes."""

from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import Form

from pipetriage.context.redact import Redactor
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident
from pipetriage.model.review import Review

NOTE_LENGTH = 4_000
"""Characters of a note, and of what was done."""
AGREE, OVERRIDE = "agree", "override"
_OUTCOMES = {"": None, "harmless": True, "harmful": False}

_Short = Annotated[str, Form(max_length=64)]
# A browser counts a line end as one character, and sends two.
_Long = Annotated[str, Form(max_length=2 * NOTE_LENGTH)]


class Answer(NamedTuple):
    """The form's fields as they were sent, or as they are shown first."""

    answer: str = ""
    category: str = ""
    safe: str = ""
    also: tuple[str, ...] = ()
    rerun: str = ""
    closed: bool = False
    note: str = ""
    done: str = ""
    judged: str = ""
    """Which verdict whoever sent it has seen."""


def answer_of(
    answer: _Short = "",
    category: _Short = "",
    safe: _Short = "",
    also: Annotated[list[str] | None, Form(max_length=8)] = None,
    rerun: _Short = "",
    closed: _Short = "",
    note: _Long = "",
    done: _Long = "",
    judged: _Short = "",
) -> Answer:
    """Read the form of a request; for ``Depends``."""
    return Answer(answer, category, safe, tuple(also or ()), rerun, bool(closed), note, done, judged)


def blank(incident: Incident) -> Answer:
    """Give the form as it is shown first: filled in with the verdict, but for whether that was right."""
    return Answer(
        category=incident.failure_category.value,
        safe="yes" if incident.safe_to_retry else "no",
        judged=version_of(incident),
    )


def version_of(incident: Incident) -> str:
    """Give what tells a verdict from the next one on the same run."""
    return incident.created_at.isoformat()


def problem(given: Answer, incident: Incident) -> str:
    """Say why a form makes no review of the incident's verdict; empty where it does."""
    if given.judged != version_of(incident):
        return "The verdict has changed since you opened this page. Read it again, then say whether it was right."
    if given.answer not in (AGREE, OVERRIDE):
        return "Say whether the verdict was right: agree, or override it."
    if {given.category, *given.also} - set(Category) or given.safe not in ("yes", "no"):
        return "Choose a category, and whether a machine might have retried the run."
    if given.rerun not in _OUTCOMES:
        return "Choose what a rerun did."
    same = given.category == incident.failure_category and (given.safe == "yes") is incident.safe_to_retry
    if given.answer == AGREE and not same:
        return "You agreed, and chose something else than the verdict: do one of both."
    if given.answer == OVERRIDE and same:
        return "Nothing is overridden: choose what was wrong, or agree."
    return ""


def review_of(given: Answer, by: str, at: datetime) -> Review:
    """Make the review; secrets and personal data in its texts are replaced."""
    redactor = Redactor()
    return Review(
        by=by,
        reviewed_at=at,
        failure_category=Category(given.category),
        acceptable_categories=[Category(one) for one in dict.fromkeys(given.also) if one != given.category],
        safe_to_retry=given.safe == "yes",
        rerun_harmless=_OUTCOMES[given.rerun],
        closed=given.closed,
        note=redactor.text(given.note.strip()),
        done=redactor.text(given.done.strip()),
    )
