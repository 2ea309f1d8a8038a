"""Reviews: what people found out. They are added, never changed, and never change a verdict."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field

from pipetriage.bootstrap import App
from pipetriage.context.redact import Redactor
from pipetriage.entrypoints.web.api.documents import PREFIX, answers, json_answer, several
from pipetriage.entrypoints.web.visitors import Door, Visitor
from pipetriage.model.access import Scope
from pipetriage.model.categories import Category
from pipetriage.model.review import Review


class GivenReview(BaseModel):
    """What really happened; what is left out is as the verdict says."""

    model_config = ConfigDict(extra="forbid")
    failure_category: Category | None = None
    acceptable_categories: Annotated[list[Category], Field(max_length=8)] = []
    safe_to_retry: bool | None = None
    rerun_harmless: bool | None = None
    closed: bool = False
    note: Annotated[str, Field(max_length=4000)] = ""
    done: Annotated[str, Field(max_length=4000)] = ""


def router(program: App, door: Door) -> APIRouter:
    """Make the routes."""
    routes = APIRouter(prefix=PREFIX + "/incidents/{reference}/reviews", tags=["reviews"])

    @routes.get(
        "",
        responses=answers(several("Review"), of_404="there is no such incident"),
        dependencies=[Depends(door.api(Scope.READ))],
    )
    def reviews(reference: str) -> Response:
        """List the reviews of an incident, the latest first."""
        store = program.kept()
        return json_answer(store.reviews(store.get(reference).incident_id))

    @routes.post(
        "", status_code=201, responses=answers(several("Review"), status=201, of_404="there is no such incident")
    )
    def review(
        reference: str, given: GivenReview, visitor: Annotated[Visitor, Depends(door.api(Scope.REVIEW))]
    ) -> Response:
        """Add a review, and list all of them, the latest first."""
        store = program.kept()
        incident = store.get(reference)
        redact = Redactor()
        store.add_review(
            incident.incident_id,
            Review(
                by=visitor.who,
                reviewed_at=datetime.now(UTC),
                failure_category=given.failure_category or incident.failure_category,
                acceptable_categories=given.acceptable_categories,
                safe_to_retry=incident.safe_to_retry if given.safe_to_retry is None else given.safe_to_retry,
                rerun_harmless=given.rerun_harmless,
                closed=given.closed,
                note=redact.text(given.note),
                done=redact.text(given.done),
            ),
        )
        return json_answer(store.reviews(incident.incident_id), status=201)

    return routes
