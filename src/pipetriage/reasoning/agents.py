"""Asking one model by pydantic-ai, the only file that knows its agents. Imported when a model is first asked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from opentelemetry import trace
from opentelemetry.trace import Span, StatusCode
from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, ToolOutput
from pydantic_ai._framing import second_model_prompt
from pydantic_ai.exceptions import AgentRunError, ContentFilterError
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from pipetriage import __version__
from pipetriage.model.proposal import Use
from pipetriage.reasoning.answers import answer_type, converted
from pipetriage.reasoning.beside import beside
from pipetriage.reasoning.calls import Call, UnreadableError
from pipetriage.reasoning.families import Family, OutputMode
from pipetriage.reasoning.faults import costs_nothing, model_error
from pipetriage.reasoning.interface import Check, Question, Reply

Outcome = TypeVar("Outcome")


async def ask(family: Family, mode: OutputMode | None, question: Question, check: Check, call: Call) -> Reply:
    """Put a question, ask again where the answer is not accepted, and give the accepted one.

    ``mode`` None: as is best for the family.

    Raises:
        ModelError: there is none.
    """
    kind = answer_type(question.may_ask)

    def checked(output: Any) -> Any:
        reason = check(converted(output))
        if reason is not None:
            raise ModelRetry(reason)
        return output

    async def talk(model: Model) -> Reply:
        agent = Agent(
            _Watched(model, call),
            name="pipetriage",
            instructions=question.instructions,
            output_type=_output(mode or family.mode(model), kind),
            # A tool that there is none of is a wrong answer like any other.
            retries={"output": call.limits.retries, "tools": call.limits.retries},
            model_settings=_settings(model, call.limits.output_tokens),
        )
        agent.output_validator(checked)
        result = await agent.run(question.text)
        return Reply(answer=converted(result.output), use=call.use())

    return await _conversation(family, call, talk)


async def ping(family: Family, call: Call) -> Use:
    """Put a tiny question and take any answer.

    Raises:
        ModelError: there is none.
    """

    async def talk(model: Model) -> Use:
        agent = Agent(
            _Watched(model, call), name="pipetriage", model_settings=_settings(model, call.limits.output_tokens)
        )
        await agent.run("Answer with the word: yes")
        return call.use()

    return await _conversation(family, call, talk)


async def _conversation(family: Family, call: Call, talk: Callable[[Model], Awaitable[Outcome]]) -> Outcome:
    """Open the connections, talk within the time, and translate whatever goes wrong."""
    try:
        with _span("invoke_agent pipetriage", {"gen_ai.operation.name": "invoke_agent"}):
            async with asyncio.timeout(call.left()):
                await beside(family.prepare)
                # Evidence that looks like the library's own markup is to be sent as it is, without its remarks.
                with second_model_prompt():
                    async with family.connect(call) as model:
                        return await talk(model)
    except Exception as error:  # four libraries raise what they like, and none of it ends a triage
        raise model_error(error, call) from error


class _Watched(WrapperModel):
    """The model, with each request counted, bounded and traced. Traces hold names and counts, never content."""

    def __init__(self, wrapped: Model, call: Call) -> None:
        super().__init__(wrapped)
        self._call = call

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        self._call.begin()
        named = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": self.system,
            "gen_ai.request.model": self.model_name,
        }
        with _span(f"chat {self.model_name}", named) as span:
            try:
                response = await super().request(messages, model_settings, model_request_parameters)
            except Exception as error:
                if not self._call.sending or costs_nothing(error):
                    self._call.refused()
                if self._call.responding and not isinstance(error, AgentRunError | OSError):
                    raise UnreadableError from error
                raise
            self._call.answered(response.usage.input_tokens, response.usage.output_tokens)
            span.set_attribute("gen_ai.usage.input_tokens", response.usage.input_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", response.usage.output_tokens)
            if response.finish_reason:
                span.set_attribute("gen_ai.response.finish_reasons", [response.finish_reason])
        if response.finish_reason == "content_filter":
            # Also with half an answer before it: asked again, it would decline again.
            raise ContentFilterError("declined")
        return response


@contextmanager
def _span(name: str, attributes: dict[str, str]) -> Iterator[Span]:
    """Trace with the global provider. An exception's text may quote an answer or evidence: only its kind is kept."""
    tracer = trace.get_tracer("pipetriage", __version__)
    with tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


def _output(mode: OutputMode, kind: type) -> Any:
    if mode == "tool":
        return ToolOutput(kind, name="answer", description="Give the answer.")
    if mode == "prompted":
        return PromptedOutput(kind, name="answer")
    # OpenAI enforces a schema in its strict form only, Anthropic and Bedrock know no other, and local servers ignore
    # the word.
    return NativeOutput(kind, name="answer", strict=True)


def _settings(model: Model, tokens: int) -> ModelSettings:
    profile: dict[str, Any] = dict(model.profile)
    settings = ModelSettings(max_tokens=tokens, framing_announcement="never")
    if not any(profile.get(refusing) for refusing in _NO_TEMPERATURE):
        settings["temperature"] = 0.0
    if profile.get("thinking_enabled_by_default") or profile.get("thinking_always_enabled"):
        # Thoughts count as output, and would leave no tokens for the answer.
        settings["thinking"] = False
    return settings


_NO_TEMPERATURE = (
    "anthropic_disallows_sampling_settings",
    "bedrock_disallows_sampling_settings",
    "openai_supports_reasoning",
)
"""What marks a model that refuses a temperature."""
