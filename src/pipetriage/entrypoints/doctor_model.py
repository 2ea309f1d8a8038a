"""The doctor's check of the language models: one tiny question to each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipetriage.errors import PipetriageError
from pipetriage.readiness.checks import Check

if TYPE_CHECKING:
    from pipetriage.bootstrap import App
    from pipetriage.reasoning.interface import Endpoint

_SECONDS = 20.0
"""A model on a machine of its own may have to be loaded first."""
_FIX = {
    "NOT_AUTHORIZED": "set its key in the environment (docs/model.md), or allow what pipetriage iam-policy prints",
    "NO_SUCH_MODEL": "name a model that the provider has",
    "UNREACHABLE": "start the server, or correct its address in model",
}


def model_checks(app: App) -> list[Check]:
    """Ask each configured model for a word; none where none is configured. No verdict needs a model."""
    try:
        endpoints = app.endpoints()
    except PipetriageError as error:
        said, _, fix = str(error).partition(": ")
        return [Check(name="model", ok=False, detail=said, fix=fix, needed=False)]
    return [_check(one) for one in endpoints]


def _check(endpoint: Endpoint) -> Check:
    from pipetriage.context.redact import Redactor
    from pipetriage.reasoning.interface import ModelError

    name = f"model {endpoint.name}"
    try:
        use = asyncio.run(endpoint.ping(_SECONDS))
    except ModelError as error:
        detail = Redactor().text(f"{error.fault}: {error.why}")
        fix = _FIX.get(str(error.fault), "try again later; until then the rules' verdict stands alone")
        return Check(name=name, ok=False, detail=detail, fix=fix, needed=False)
    cost = "its price is not known" if use.cost_usd is None else f"{use.cost_usd:.6f} USD"
    detail = f"answered ({use.input_tokens} tokens in, {use.output_tokens} out, {cost})"
    return Check(name=name, ok=True, detail=detail, needed=False)
