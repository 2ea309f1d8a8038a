"""What one model of the chain offers to the classifier: a question, and one checked answer or a typed failure."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from pipetriage.model.proposal import Answer, ModelFault, Use

Check = Callable[[Answer], str | None]
"""Our own checks of an answer in the accepted form: None, or the reason that is fed back to the model."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What a model gets, whole: nothing is added on the way but the answer's schema."""

    instructions: str
    """The system text: who it is and what is data. Ours alone."""
    text: str
    """The user text: the delimited evidence first, the rules and the question last."""
    may_ask: frozenset[str] = frozenset()
    """Kinds of further evidence that it may ask for; empty: the answer's form has no place for it."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one conversation with one model."""

    seconds: float
    """For everything, asking again included."""
    output_tokens: int
    """Of each answer."""
    total_tokens: int
    """Input and output of all requests together, by the provider's count: none is sent once it is reached."""
    retries: int
    """How often an answer that is not accepted is asked for again, with the reason."""
    response_bytes: int = 256 * 1024
    """Of one response: no more is read. 700 tokens in JSON have about 4 KiB."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted answer and what it cost."""

    answer: Answer
    use: Use


class ModelError(Exception):
    """A model gave no accepted answer. Caught by the classifier; it never leaves this room."""

    def __init__(self, fault: ModelFault, why: str, use: Use | None = None) -> None:
        super().__init__(why)
        self.fault = fault
        self.why = why
        self.use = use or Use()


class Endpoint(Protocol):
    """One model that can be asked."""

    @property
    def name(self) -> str:
        """Its name in the settings: ``bedrock:…``, ``openai:…``, ``anthropic:…``, ``local:NAME@URL``."""
        ...

    def prepare(self) -> None:
        """Import what asking takes, which may be seconds: called beside the program, while evidence is read."""
        ...

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Give US dollars for so many tokens; None where its price is not known."""
        ...

    async def ask(self, question: Question, limits: Limits, check: Check) -> Reply:
        """Put a question and give the accepted answer.

        A cancelled call sends nothing more.

        Raises:
            ModelError: there is none; with what was used so far.
        """
        ...

    async def ping(self, seconds: float) -> Use:
        """Put a tiny question, to see whether the model is there and answers at all.

        Raises:
            ModelError: it is not, or does not.
        """
        ...
