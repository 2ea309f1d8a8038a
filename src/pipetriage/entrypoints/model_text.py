"""A language model at the terminal: what it would be sent, and an answer that comes after the verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from pipetriage.entrypoints.boundary import complain
from pipetriage.entrypoints.opening import print_json
from pipetriage.entrypoints.plain_text import plain_lines
from pipetriage.entrypoints.waiting import waiting
from pipetriage.errors import StoreError

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.model.incident import Incident
    from pipetriage.reasoning.request import Request
    from pipetriage.triage import Triaged


def print_request(request: Request, *, as_json: bool) -> None:
    """Print what a model would be sent: the system text, the user text, and the form that its answer must have."""
    from pipetriage.reasoning.answers import answer_schema
    from pipetriage.reasoning.prompts import prompt
    from pipetriage.reasoning.tokens import tokens

    question = request.question
    schema = answer_schema(question.may_ask)
    size = tokens(question.instructions) + tokens(question.text)
    if as_json:
        print_json(
            {
                "prompt_version": prompt().version,
                "instructions": question.instructions,
                "text": question.text,
                "schema": schema,
                "estimated_tokens": size,
                "evidence": {number: one.evidence for number, one in request.shown.items()},
            }
        )
        return
    import msgspec

    for heading, text in (
        (f"SYSTEM (prompt version {prompt().version})", question.instructions),
        ("USER", question.text),
        ("FORM OF THE ANSWER", msgspec.json.encode(schema).decode()),
    ):
        click.echo(f"----- {heading} -----\n{plain_lines(text)}\n")
    click.echo(f"About {size} tokens and the form, by an estimate from above. Nothing was sent.")


def await_model(app: App, triaged: Triaged, show: Callable[[Incident], None]) -> Incident | None:
    """Wait for a model that was late, tell what its answer changes, and give the amended incident, if there is one.

    Ctrl-C leaves it: the verdict stands.
    """
    from pipetriage.model.opinion import Stance

    seconds = app.settings.reasoning.late_seconds
    complain(f"the model has not answered yet; waiting up to {seconds:g} s more (Ctrl-C: the verdict stands as it is)")
    try:
        with waiting("waiting for the model"):
            amended = app.amend(triaged)
    except StoreError as error:
        complain(f"warning: {error}; the incident was not amended")
        return None
    if amended is None:
        complain("no amendment (no answer came, or the run was triaged anew meanwhile): the verdict above stands")
    elif amended.model_opinion is None or amended.model_opinion.stance is Stance.NO_ANSWER:
        complain(f"the verdict above stands. {' '.join(amended.model_notes)}")
    else:
        click.echo("\nAmended, as the model has answered:\n")
        show(amended)
    return amended
