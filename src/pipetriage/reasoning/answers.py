"""The one form in which an answer is accepted: as a type to validate with, and as the JSON Schema that a model gets.

The types are pydantic's and made when first needed, since importing it takes longer than most commands run. They are
strict: ``"0.9"`` is no number, ``1`` is no boolean, and a field too many is refused.
"""

from functools import cache
from types import GenericAlias
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pipetriage.errors import MissingExtraError
from pipetriage.model.categories import CATEGORY_OF, Category, FailureMode
from pipetriage.model.proposal import Answer, Claim, EvidenceRequest, Hypothesis, RequestKind

if TYPE_CHECKING:
    from pydantic import BaseModel

ROOT_CAUSE = CLAIM = 300
"""Characters: two to three sentences. A longer one is a retelling of the log."""
WHY = 200
EVIDENCE_ID = 64
"""Characters of an evidence id; ours have about ten (``log-1``)."""
CLAIMS, CITED, HYPOTHESES, REQUESTS = 5, 4, 3, 3
"""At most so many claims, ids for each, hypotheses and requests: 700 output tokens do not hold more."""


def answer_type(may_ask: frozenset[str]) -> type["BaseModel"]:
    """Give the type of an answer; ``may_ask`` are the kinds of further evidence that it has a place for.

    Raises:
        MissingExtraError: pydantic is not installed.
    """
    return _answer_type(tuple(kind for kind in RequestKind if kind in may_ask))


def answer_schema(may_ask: frozenset[str]) -> dict[str, Any]:
    """Give the JSON Schema of an answer. Providers rewrite it to the part of the standard that they enforce.

    Raises:
        MissingExtraError: pydantic is not installed.
    """
    return answer_type(may_ask).model_json_schema()


def converted(accepted: "BaseModel") -> Answer:
    """Give a validated answer as our own noun."""
    told = accepted.model_dump()
    return Answer(
        category=Category(told["category"]),
        failure_mode=FailureMode(told["failure_mode"]),
        root_cause=told["root_cause"],
        claims=tuple(Claim(text=one["text"], evidence=tuple(one["evidence"])) for one in told["claims"]),
        safe_to_retry=told["safe_to_retry"],
        confidence=float(told["confidence"]),
        hypotheses=tuple(
            Hypothesis(category=Category(one["category"]), why=one["why"], evidence=tuple(one["evidence"]))
            for one in told["hypotheses"]
        ),
        more=tuple(EvidenceRequest(kind=RequestKind(one["kind"]), about=one["about"]) for one in told.get("more", ())),
    )


@cache
def _answer_type(kinds: tuple[RequestKind, ...]) -> type["BaseModel"]:
    try:
        from pydantic import ConfigDict, Field, create_model, model_validator
    except ModuleNotFoundError as error:
        raise MissingExtraError("model", "asking a language model") from error

    # Literals and lists, not enums and tuples: where a provider hands over an object instead of text, pydantic's strict
    # mode takes JSON's own types only.
    def one_of(values: Any) -> Any:
        return Literal[tuple(str(value) for value in values)]

    def text(most: int) -> Any:
        return Annotated[str, Field(min_length=1, max_length=most)]

    def some(item: Any, least: int, most: int) -> Any:
        extra: dict[str, Any] = {} if least else {"default_factory": list}
        return GenericAlias(list, (item,)), Field(min_length=least or None, max_length=most, **extra)

    def model(name: str, **fields: Any) -> Any:
        return create_model(name, __config__=config, **fields)

    config = ConfigDict(extra="forbid", strict=True, json_schema_extra=_as_sent, hide_input_in_errors=True)
    an_id, category = text(EVIDENCE_ID), one_of(Category)
    claim = model("Claim", text=text(CLAIM), evidence=some(an_id, 1, CITED))
    hypothesis = model("Hypothesis", category=category, why=text(WHY), evidence=some(an_id, 0, CITED))
    fields: dict[str, Any] = {
        "category": category,
        "failure_mode": one_of(FailureMode),
        "root_cause": text(ROOT_CAUSE),
        "claims": some(claim, 1, CLAIMS),
        "safe_to_retry": bool,
        "confidence": (float, Field(ge=0, le=1, allow_inf_nan=False)),
        "hypotheses": some(hypothesis, 0, HYPOTHESES),
    }
    if kinds:
        request = model("Request", kind=one_of(kinds), about=(str, Field(default="", max_length=EVIDENCE_ID)))
        fields["more"] = some(request, 0, REQUESTS)
    validators: dict[str, Any] = {"mode_of_its_category": model_validator(mode="after")(_mode_of_its_category)}
    return create_model("Answer", __config__=config, __validators__=validators, **fields)


def _mode_of_its_category(self: Any) -> Any:
    belongs = CATEGORY_OF[FailureMode(self.failure_mode)]
    if belongs != self.category:
        raise ValueError(f"failure_mode {self.failure_mode} belongs to category {belongs}, not to {self.category}")
    return self


def _as_sent(schema: dict[str, Any]) -> None:
    """Leave out titles and defaults, and require everything.

    A field that may be left out is taken with its default, but providers that enforce a schema want all required.
    """
    schema.pop("title", None)
    for field in schema.get("properties", {}).values():
        field.pop("title", None)
        field.pop("default", None)
    schema["required"] = list(schema.get("properties", {}))
