"""From the names in the settings to models that can be asked."""

import asyncio
import re
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple, cast
from urllib.parse import urlsplit

from pipetriage.errors import ConfigError, MissingExtraError
from pipetriage.model.proposal import ModelFault, Use
from pipetriage.reasoning.beside import beside
from pipetriage.reasoning.calls import Call
from pipetriage.reasoning.families import Anthropic, Bedrock, Family, Local, OpenAI, OutputMode
from pipetriage.reasoning.interface import Check, Endpoint, Limits, ModelError, Question, Reply
from pipetriage.reasoning.prices import Price, listed_price, own_price, unknown_price
from pipetriage.settings import Settings

if TYPE_CHECKING:
    from pipetriage.aws.session import Access

FORMS = (
    "bedrock:MODEL_ID, openai:NAME, anthropic:NAME, local:NAME@URL (as local:qwen2.5@http://localhost:11434), or none"
)
_AGENTS = "pipetriage.reasoning.agents"
_MODES = ("native", "tool", "prompted")
# What providers have in a model's name: letters, digits, and the punctuation of ids, ARNs and Ollama's tags.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}")
_PING_TOKENS = 2000
"""Of all of a ping; its answer has at most 16, the least that OpenAI takes."""


class ModelName(NamedTuple):
    """A model's name in the settings, in its parts."""

    whole: str
    provider: str
    model: str
    url: str = ""
    """Of a server of one's own, with the path that the protocol lies under."""


def named_models(model: str | list[str]) -> list[ModelName]:
    """Read the names in ``model``, in their order and each once; ``none`` names nothing.

    Raises:
        ConfigError: a name has no known form.
    """
    written = model.split(",") if isinstance(model, str) else model
    names = dict.fromkeys(one.strip() for one in written)
    return [_parsed(name) for name in names if name not in ("", "none")]


def endpoints_of(settings: Settings, aws: "Access | None" = None) -> list[Endpoint]:
    """Give the models that the settings name, in the order in which they are tried. Nothing is sent or imported yet.

    ``aws`` is who asks Bedrock; None: as ``[aws]`` says. A key or credentials that are lacking are told when the model
    is asked: it then fails with ``NOT_AUTHORIZED``, and the triage goes on without it.

    Raises:
        ConfigError: a name or the output mode has no known form.
        MissingExtraError: a model is named, and the extra that asks it is not installed.
    """
    mode = settings.reasoning.output
    if mode is not None and mode not in _MODES:
        raise ConfigError(f"[reasoning] output is {mode!r}: write native, tool or prompted, or leave it out")
    names = named_models(settings.model)
    if names and find_spec("pydantic_ai") is None:
        raise MissingExtraError("model", "asking a language model")
    return [
        PydanticEndpoint(
            name.whole,
            _family(name, settings, aws),
            output=cast(OutputMode | None, mode),
            price=_price(name, settings),
        )
        for name in names
    ]


class PydanticEndpoint:
    """One model, asked by pydantic-ai. Usable from several event loops at the same time."""

    def __init__(
        self, name: str, family: Family, output: OutputMode | None = None, price: Price = unknown_price
    ) -> None:
        self._name = name
        self._family = family
        self._output = output
        self._price = price

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """See ``Endpoint``."""
        return self._price(input_tokens, output_tokens)

    def prepare(self) -> None:
        """Do now what the first question would wait for: import libraries and make a client; 2 to 5 seconds.

        Nothing is sent. It may run in a thread while evidence is collected; ``ask`` does it where nobody has.

        Raises:
            PipetriageError: who asks, or where, is not known. ``ask`` tells it again, as the model's failure.
        """
        import_module(_AGENTS)
        self._family.prepare()

    async def ask(self, question: Question, limits: Limits, check: Check) -> Reply:
        """See ``Endpoint``."""
        call = Call(limits, self._price)
        try:
            agents = await _agents(call)
            return cast(Reply, await agents.ask(self._family, self._output, question, check, call))
        finally:
            call.close()

    async def ping(self, seconds: float) -> Use:
        """See ``Endpoint``."""
        call = Call(Limits(seconds=seconds, output_tokens=16, total_tokens=_PING_TOKENS, retries=0), self._price)
        try:
            agents = await _agents(call)
            return cast(Use, await agents.ping(self._family, call))
        finally:
            call.close()


async def _agents(call: Call) -> ModuleType:
    """Import what asks. It takes seconds the first time: it is done beside the event loop, and is the model's time."""
    try:
        async with asyncio.timeout(call.left()):
            return await beside(import_module, _AGENTS)
    except TimeoutError as error:
        raise ModelError(ModelFault.TIMEOUT, "it was not asked in time: loading its library took too long") from error


def _parsed(name: str) -> ModelName:
    provider, _, model = name.partition(":")
    if provider == "local":
        model, _, url = model.partition("@http")
        if _NAME.fullmatch(model) and url:
            return ModelName(name, provider, model, _base_url("http" + url, name))
    elif provider in ("bedrock", "openai", "anthropic") and _NAME.fullmatch(model):
        return ModelName(name, provider, model)
    raise ConfigError(f"model {_without_password(name)!r} is not understood: write {FORMS}")


def _without_password(name: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", name)


def _base_url(url: str, name: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        usable = False
    if not usable or parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            f"model {_without_password(name)!r}: the address is to be http://HOST:PORT, without user, password or "
            "query; a key goes into PIPETRIAGE_MODEL_KEY"
        )
    path = parts.path.rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path or '/v1'}"


def _family(name: ModelName, settings: Settings, aws: "Access | None") -> Family:
    if name.provider == "local":
        return Local(name.model, name.url)
    if name.provider == "openai":
        return OpenAI(name.model)
    if name.provider == "anthropic":
        return Anthropic(name.model)
    return Bedrock(name.model, _access(settings, aws))


def _access(settings: Settings, aws: "Access | None") -> "Access":
    """Say as whom Bedrock is asked: once, since a library that tries again outlives a call that was cancelled."""
    import msgspec

    from pipetriage.aws.session import Access

    named = settings.aws
    access = aws or Access(
        profile=named.profile,
        region=named.region,
        role_arn=named.role_arn,
        external_id=named.external_id,
        endpoint_url=named.endpoint_url,
    )
    return msgspec.structs.replace(access, attempts=1)


def _price(name: ModelName, settings: Settings) -> Price:
    own = settings.reasoning.prices.get(name.whole)
    if own is not None:
        return own_price(own)
    if name.provider == "local":
        return unknown_price
    return listed_price({"bedrock": "aws"}.get(name.provider, name.provider), name.model)


def bedrock_models(names: Iterable[ModelName]) -> tuple[str, ...]:
    """Give the ids of the models that are on Amazon Bedrock, for the IAM policy."""
    return tuple(name.model for name in names if name.provider == "bedrock")
