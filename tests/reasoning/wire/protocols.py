"""The wire protocols, in the shapes that the providers document: an answer, a refusal, an error, for each of them.

OpenAI: platform.openai.com/docs/api-reference/chat/object; Anthropic: docs.anthropic.com/en/api/messages and /errors;
Bedrock: docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html.
"""

import json
from collections.abc import Mapping
from typing import Any

from tests.reasoning.wire.server import Seen, Step, answers

INPUT_TOKENS, OUTPUT_TOKENS = 1200, 80


class OpenAIWire:
    """Chat completions, with the answer as text in the schema's form."""

    model = "openai:gpt-4o-mini"
    key = "sk-test-openai"
    path = "/v1/chat/completions"
    limit = "max_completion_tokens"

    def environment(self, url: str) -> dict[str, str]:
        return {"OPENAI_BASE_URL": f"{url}/v1", "OPENAI_API_KEY": self.key}

    def name(self, url: str) -> str:
        return self.model

    def gives(self, answer: Mapping[str, Any]) -> Step:
        return self.says(json.dumps(answer))

    def says(
        self, text: str | None, finish: str = "stop", refusal: str | None = None, tokens: int = INPUT_TOKENS
    ) -> Step:
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": refusal, "annotations": []}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        usage = {"prompt_tokens": tokens, "completion_tokens": OUTPUT_TOKENS, "total_tokens": tokens + OUTPUT_TOKENS}
        return answers(
            200,
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1767225600,
                "model": "gpt-4o-mini",
                "choices": [choice],
                "usage": usage,
                "service_tier": "default",
            },
        )

    def refuses(self) -> Step:
        return self.says(None, refusal="I'm sorry, I can't help with that.")

    def filters(self) -> Step:
        return self.says("", finish="content_filter")

    def is_cut_off(self) -> Step:
        return self.says('{"category": "UNKN', finish="length")

    def fails(self, status: int, message: str) -> Step:
        codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
        error = {"message": message, "type": "some_error", "param": None, "code": codes.get(status)}
        return answers(status, {"error": error})

    def told(self, seen: Seen) -> tuple[str, str]:
        system, user, *_ = seen.document["messages"]
        return system["content"], user["content"]

    def key_of(self, seen: Seen) -> str:
        return seen.headers.get("authorization", "").removeprefix("Bearer ")

    def schema_of(self, seen: Seen) -> Any:
        return seen.document["response_format"]["json_schema"]["schema"]

    def limit_of(self, seen: Seen) -> Any:
        return seen.document[self.limit]


class LocalWire(OpenAIWire):
    """The same, as llama.cpp, vLLM and Ollama speak it: no OpenAI key, and the older name of the limit."""

    key = "local-key"
    limit = "max_tokens"

    def environment(self, url: str) -> dict[str, str]:
        # Everything that the SDK would send along by itself.
        return {
            "PIPETRIAGE_MODEL_KEY": self.key,
            "OPENAI_API_KEY": "sk-not-for-you",
            "OPENAI_ORG_ID": "org-not-for-you",
            "OPENAI_PROJECT_ID": "proj-not-for-you",
            "OPENAI_CUSTOM_HEADERS": "x-secret: not-for-you",
        }

    def name(self, url: str) -> str:
        return f"local:qwen2.5-coder:1.5b@{url}"


class AnthropicWire:
    """Messages, with the answer as text in the schema's form."""

    model = "anthropic:claude-sonnet-4-6"
    key = "sk-ant-test"
    path = "/v1/messages"

    def environment(self, url: str) -> dict[str, str]:
        return {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": self.key}

    def name(self, url: str) -> str:
        return self.model

    def gives(self, answer: Mapping[str, Any]) -> Step:
        return self.says(json.dumps(answer))

    def says(self, text: str, finish: str = "end_turn", tokens: int = INPUT_TOKENS) -> Step:
        return self._message([{"type": "text", "text": text}], finish, tokens)

    def _message(self, content: list[Any], finish: str, tokens: int) -> Step:
        return answers(
            200,
            {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "claude-sonnet-4-6",
                "content": content,
                "stop_reason": finish,
                "stop_sequence": None,
                "usage": {"input_tokens": tokens, "output_tokens": OUTPUT_TOKENS},
            },
        )

    def refuses(self) -> Step:
        return self.says("I can't help with", finish="refusal")

    filters = refuses

    def is_cut_off(self) -> Step:
        return self.says('{"category": "UNKN', finish="max_tokens")

    def fails(self, status: int, message: str) -> Step:
        kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
        kind = kinds.get(status, "overloaded_error" if status == 529 else "api_error" if status >= 500 else None)
        error = {"type": kind or "invalid_request_error", "message": message}
        return answers(status, {"type": "error", "error": error, "request_id": "req_1"})

    def told(self, seen: Seen) -> tuple[str, str]:
        document = seen.document
        return _text(document["system"]), _text(document["messages"][0]["content"])

    def key_of(self, seen: Seen) -> str:
        return seen.headers.get("x-api-key") or seen.headers.get("authorization", "").removeprefix("Bearer ")

    def schema_of(self, seen: Seen) -> Any:
        return seen.document["output_config"]["format"]["schema"]

    def limit_of(self, seen: Seen) -> Any:
        return seen.document["max_tokens"]


class BedrockWire:
    """Converse, with the answer as the input of the one tool."""

    model = "bedrock:us.amazon.nova-lite-v1:0"
    key = "AKIAIOSFODNN7EXAMPLE"
    path = "/model/us.amazon.nova-lite-v1%3A0/converse"

    def environment(self, url: str) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def name(self, url: str) -> str:
        return self.model

    def gives(self, answer: Mapping[str, Any]) -> Step:
        return self.calls("answer", answer)

    def calls(self, tool: str, *inputs: Mapping[str, Any]) -> Step:
        uses = [{"toolUseId": f"tooluse_{at}", "name": tool, "input": dict(one)} for at, one in enumerate(inputs)]
        return self._converse([{"toolUse": use} for use in uses], "tool_use", INPUT_TOKENS)

    def says(self, text: str, finish: str = "end_turn", tokens: int = INPUT_TOKENS) -> Step:
        return self._converse([{"text": text}], finish, tokens)

    def _converse(self, content: list[Any], finish: str, tokens: int) -> Step:
        return answers(
            200,
            {
                "output": {"message": {"role": "assistant", "content": content}},
                "stopReason": finish,
                "usage": {"inputTokens": tokens, "outputTokens": OUTPUT_TOKENS, "totalTokens": tokens + OUTPUT_TOKENS},
                "metrics": {"latencyMs": 900},
            },
        )

    def refuses(self) -> Step:
        return self.says("", finish="content_filtered")

    def filters(self) -> Step:
        return self.says("Blocked by the guardrail.", finish="guardrail_intervened")

    def is_cut_off(self) -> Step:
        return self._converse([], "max_tokens", INPUT_TOKENS)

    def fails(self, status: int, message: str) -> Step:
        codes = {
            401: "UnrecognizedClientException",
            403: "AccessDeniedException",
            404: "ResourceNotFoundException",
            429: "ThrottlingException",
            500: "InternalServerException",
            529: "ServiceUnavailableException",
        }
        return answers(status, {"message": message}, **{"x-amzn-ErrorType": codes.get(status, "ValidationException")})

    def told(self, seen: Seen) -> tuple[str, str]:
        document = seen.document
        return _text(document["system"]), _text(document["messages"][0]["content"])

    def key_of(self, seen: Seen) -> str:
        return seen.headers["authorization"].partition("Credential=")[2].partition("/")[0]

    def schema_of(self, seen: Seen) -> Any:
        (tool,) = seen.document["toolConfig"]["tools"]
        return tool["toolSpec"]["inputSchema"]["json"]

    def limit_of(self, seen: Seen) -> Any:
        return seen.document["inferenceConfig"]["maxTokens"]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


Wire = OpenAIWire | LocalWire | AnthropicWire | BedrockWire
WIRES: tuple[Wire, ...] = (OpenAIWire(), LocalWire(), AnthropicWire(), BedrockWire())
