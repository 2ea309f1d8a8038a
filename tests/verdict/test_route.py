"""Where an incident goes by the verdict alone."""

import pytest

from pipetriage.model.categories import Category
from pipetriage.model.incident import MANUAL_REVIEW
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.write_state import Exposure, ExposureStatus, WriteState, WriteStatus
from pipetriage.verdict.recommend import route

PIPELINE = Pipeline(owners={"data-contract": "contracts", "manual_review": "seniors"})


def state(status: WriteStatus) -> WriteState:
    return WriteState(table="sales.orders", role="target", format="iceberg", status=status)


def exposure(owner: str | None, status: ExposureStatus) -> Exposure:
    return Exposure(consumer="r", owner=owner, status=status, read_at=None, snapshot_id=None, via="", depth=1)


@pytest.mark.parametrize(
    ("category", "queue"),
    [
        (Category.SCHEMA_DRIFT, "data-contract owner"),
        (Category.PERMISSION_ERROR, "platform team"),
        (Category.SMALL_FILE_PRESSURE, "platform team"),
        (Category.SOURCE_DELAY, "ingestion owner"),
        (Category.CODE_REGRESSION, "pipeline owner"),
        (Category.DATA_SKEW, "pipeline owner"),
        (Category.PARTIAL_WRITE_RISK, MANUAL_REVIEW),
        (Category.UNKNOWN, "on-call engineer"),
    ],
)
def test_each_category_has_its_queue(category: Category, queue: str) -> None:
    assert route(PIPELINE, category, [], [], unsure=False).queue == queue


@pytest.mark.parametrize("category", [one for one in Category if one is not Category.UNKNOWN])
def test_low_confidence_goes_to_a_person_whatever_the_category(category: Category) -> None:
    usual = route(PIPELINE, category, [], [], unsure=False)
    unsure = route(PIPELINE, category, [], [], unsure=True)
    assert (unsure.queue, unsure.owner) == (MANUAL_REVIEW, "seniors")
    assert unsure.also == ([] if usual.queue == MANUAL_REVIEW else [usual.queue])


def test_what_is_unknown_goes_to_a_person_already() -> None:
    assert route(PIPELINE, Category.UNKNOWN, [], [], unsure=True).queue == "on-call engineer"


@pytest.mark.parametrize("status", [WriteStatus.PARTIAL, WriteStatus.UNCERTAIN])
def test_what_was_written_in_part_is_reviewed_by_a_person(status: WriteStatus) -> None:
    told = route(PIPELINE, Category.SCHEMA_DRIFT, [state(status)], [], unsure=False)
    assert (told.queue, told.owner, told.also) == ("data-contract owner", "contracts", [MANUAL_REVIEW])
    assert "sales.orders" in told.reason


def test_the_owners_of_who_read_it_are_to_know() -> None:
    read = [
        exposure("bi-team", ExposureStatus.CONFIRMED),
        exposure("bi-team", ExposureStatus.POSSIBLE),
        exposure("finance", ExposureStatus.NOT_EXPOSED),
        exposure(None, ExposureStatus.CONFIRMED),
    ]
    assert route(PIPELINE, Category.UNKNOWN, [], read, unsure=False).also == ["bi-team"]
