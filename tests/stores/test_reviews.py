"""What a person says of an incident is kept beside the verdict, and never lost to a later triage."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pipetriage.errors import TargetError
from pipetriage.model.categories import Category
from pipetriage.model.incident import Incident
from pipetriage.model.review import Review
from pipetriage.stores import IncidentStore

MakeIncident = Callable[..., Incident]
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def a_review(minute: int = 0, **changes: object) -> Review:
    fields = {"by": "ada", "reviewed_at": NOON + timedelta(minutes=minute), "safe_to_retry": False}
    return Review(**{"failure_category": Category.SCHEMA_DRIFT, **fields, **changes})  # type: ignore[arg-type]


def test_the_latest_review_is_shown(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(make_incident())
    store.add_review("inc_jr_1", a_review(note="first thought"))
    shown = store.add_review("inc_jr_1", a_review(5, failure_category=Category.CODE_REGRESSION, by="bob"))

    assert shown.review is not None
    assert (shown.review.by, shown.review.failure_category) == ("bob", Category.CODE_REGRESSION)
    assert store.get("inc_jr_1").review == shown.review


def test_a_new_triage_keeps_the_review(store: IncidentStore, make_incident: MakeIncident) -> None:
    store.save(make_incident())
    store.add_review("inc_jr_1", a_review())
    again = store.save(make_incident(minute=9, safe_to_retry=True))

    assert again.safe_to_retry
    assert again.review == a_review()
    assert all(one.review == a_review() for one in store.history("inc_jr_1"))


def test_only_reviewed_incidents_are_listed(store: IncidentStore, make_incident: MakeIncident) -> None:
    for run in ("jr_1", "jr_2", "jr_3"):
        store.save(make_incident(run, batch=run))
    store.add_review("inc_jr_2", a_review())

    assert [one.incident_id for one in store.list(reviewed_only=True, limit=None)] == ["inc_jr_2"]


def test_a_review_of_nothing_is_refused(store: IncidentStore) -> None:
    with pytest.raises(TargetError, match="pipetriage incidents list"):
        store.add_review("inc_unknown", a_review())
