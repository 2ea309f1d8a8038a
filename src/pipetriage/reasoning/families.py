"""How the models of each provider are reached: by which SDK, with which key, and in which output mode.

Everything that the environment lacks (a key, credentials, a region) is told when the model is asked, as a failure of
that model: a triage goes on without it.
"""

import os
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from pipetriage.errors import CredentialsError
from pipetriage.reasoning.bounded_http import http_client, local_client, prepare
from pipetriage.reasoning.calls import Call

if TYPE_CHECKING:
    from pydantic_ai.models import Model

    from pipetriage.aws.session import Access

OutputMode = Literal["native", "tool", "prompted"]
LOCAL_KEY = "PIPETRIAGE_MODEL_KEY"


class Family(Protocol):
    """One model of one provider."""

    def prepare(self) -> None:
        """Do what takes long, once: import the SDK, make a client. It is done in a thread beside the event loop.

        Raises:
            PipetriageError: who asks, or where, is not known.
        """
        ...

    def connect(self, call: Call) -> "AbstractAsyncContextManager[Model]":
        """Give pydantic-ai's model for one conversation.

        Raises:
            CredentialsError: there is no key.
        """
        ...

    def mode(self, model: "Model") -> OutputMode:
        """Say how the form of its answers is best enforced."""
        ...


class OpenAI:
    """OpenAI's own chat completions, or a gateway to them at ``OPENAI_BASE_URL``."""

    def __init__(self, model: str) -> None:
        self._model = model

    def prepare(self) -> None:
        """Import the SDK and read the certificates."""
        _ready("openai", "pydantic_ai.models.openai")

    @asynccontextmanager
    async def connect(self, call: Call) -> "AsyncIterator[Model]":
        """Connect with ``OPENAI_API_KEY``."""
        from openai import AsyncOpenAI
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        key = _key("OPENAI_API_KEY")
        async with http_client(call) as http:
            client = AsyncOpenAI(api_key=key, http_client=http, max_retries=0, timeout=call.left())
            yield OpenAIChatModel(self._model, provider=OpenAIProvider(openai_client=client))

    def mode(self, model: "Model") -> OutputMode:
        """Give native: every current model of OpenAI enforces a schema."""
        return "native"


class Local:
    """Any server that speaks OpenAI's chat completions: Ollama, vLLM, llama.cpp."""

    def __init__(self, model: str, url: str) -> None:
        self._model = model
        self._url = url

    def prepare(self) -> None:
        """Import the SDK and read the certificates."""
        _ready("openai", "pydantic_ai.models.openai")

    @asynccontextmanager
    async def connect(self, call: Call) -> "AsyncIterator[Model]":
        """Connect with ``PIPETRIAGE_MODEL_KEY`` or no key, never with OpenAI's."""
        from openai import AsyncOpenAI
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.profiles.openai import OpenAIModelProfile
        from pydantic_ai.providers.openai import OpenAIProvider

        # Ollama knows the older name of the limit only, and none of them knows OpenAI's strict mode.
        profile = OpenAIModelProfile(
            openai_chat_supports_max_completion_tokens=False,
            supports_json_schema_output=True,
            openai_supports_reasoning=False,
            thinking_enabled_by_default=False,
        )
        async with local_client(call, self._url, os.environ.get(LOCAL_KEY)) as http:
            client = AsyncOpenAI(
                api_key="none", base_url=self._url, http_client=http, max_retries=0, timeout=call.left()
            )
            provider = OpenAIProvider(openai_client=client)
            yield OpenAIChatModel(self._model, provider=provider, profile=profile)

    def mode(self, model: "Model") -> OutputMode:
        """Give native: llama.cpp enforces a JSON Schema so, and no tool's."""
        return "native"


class Anthropic:
    """Anthropic's own messages, or a gateway to them at ``ANTHROPIC_BASE_URL``."""

    def __init__(self, model: str) -> None:
        self._model = model

    def prepare(self) -> None:
        """Import the SDK and read the certificates."""
        _ready("anthropic", "pydantic_ai.models.anthropic")

    @asynccontextmanager
    async def connect(self, call: Call) -> "AsyncIterator[Model]":
        """Connect with ``ANTHROPIC_API_KEY``."""
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        key = _key("ANTHROPIC_API_KEY")
        async with http_client(call) as http:
            # Its own traces can be made to hold content by a variable; ours cannot.
            client = AsyncAnthropic(
                api_key=key, http_client=http, max_retries=0, timeout=call.left(), open_telemetry=False
            )
            yield AnthropicModel(self._model, provider=AnthropicProvider(anthropic_client=client))

    def mode(self, model: "Model") -> OutputMode:
        """Give native where the model has it."""
        return _native_or_tool(model)


class Bedrock:
    """Amazon Bedrock's Converse, as the AWS identity that ``[aws]`` names."""

    def __init__(self, model: str, access: "Access") -> None:
        self._model = model
        self._access = access
        self._making = threading.Lock()
        self._client: Any = None

    def prepare(self) -> None:
        """Make the client, whose description botocore reads from a large file."""
        import_module("pydantic_ai.models.bedrock")
        from pipetriage.aws.model_session import ModelSession
        from pipetriage.reasoning.bounded_aws import bound

        with self._making:
            if self._client is None:
                client = ModelSession(self._access).client("bedrock-runtime")
                bound(client)
                self._client = client

    @asynccontextmanager
    async def connect(self, call: Call) -> "AsyncIterator[Model]":
        """Connect with the credentials that AWS's own chain finds."""
        from botocore.exceptions import BotoCoreError, ClientError
        from pydantic_ai.models.bedrock import BedrockConverseModel
        from pydantic_ai.providers.bedrock import BedrockProvider

        from pipetriage.aws.failures import failure
        from pipetriage.reasoning.bounded_aws import CURRENT

        token = CURRENT.set(call)
        try:
            yield BedrockConverseModel(self._model, provider=BedrockProvider(bedrock_client=self._client))
        except (BotoCoreError, ClientError) as error:
            # pydantic-ai translates what AWS answers, not that there is nobody to ask as.
            raise failure(error, "bedrock:InvokeModel", self._access.profile) from error
        finally:
            CURRENT.reset(token)

    def mode(self, model: "Model") -> OutputMode:
        """Give native for Claude where it has it: Nova, Llama and Mistral have tools only."""
        return _native_or_tool(model) if "claude" in self._model else "tool"


def _native_or_tool(model: "Model") -> OutputMode:
    return "native" if cast(dict[str, Any], model.profile).get("supports_json_schema_output") else "tool"


def _ready(*modules: str) -> None:
    for module in modules:
        import_module(module)
    prepare()


def _key(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise CredentialsError(f"there is no key: set {variable}")
    return key
