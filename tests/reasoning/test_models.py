"""Names of models in the settings, their keys, and what is imported for them."""

import subprocess
import sys

import pytest

from pipetriage.configuration import parse_config
from pipetriage.errors import ConfigError, MissingExtraError
from pipetriage.model.proposal import ModelFault
from pipetriage.reasoning import models
from pipetriage.reasoning.models import endpoints_of, named_models
from pipetriage.settings import PriceSettings, ReasoningSettings, Settings
from tests.reasoning.asking import RIGHT, ask, failure
from tests.reasoning.wire.protocols import AnthropicWire, BedrockWire, OpenAIWire
from tests.reasoning.wire.server import Provider, provider

ARN = "bedrock:arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc123"


def test_nothing_is_asked_where_no_model_is_named() -> None:
    assert endpoints_of(Settings()) == []
    assert endpoints_of(Settings(model="")) == []
    assert endpoints_of(Settings(model=["none"])) == []


def test_a_chain_is_kept_in_its_order() -> None:
    chain = f"{ARN}, anthropic:claude-sonnet-4-6,openai:gpt-4o-mini , openai:gpt-4o-mini"
    assert [one.name for one in endpoints_of(Settings(model=chain))] == [
        ARN,
        "anthropic:claude-sonnet-4-6",
        "openai:gpt-4o-mini",
    ]
    assert [one.name for one in endpoints_of(Settings(model=["openai:a", "openai:b"]))] == ["openai:a", "openai:b"]


@pytest.mark.parametrize(
    ("name", "model", "url"),
    [
        ("local:qwen2.5:7b@http://localhost:11434", "qwen2.5:7b", "http://localhost:11434/v1"),
        ("local:hf.co/a/b:Q4_K_M@https://host/openai/v1/", "hf.co/a/b:Q4_K_M", "https://host/openai/v1"),
        ("local:meta/llama@3@http://[::1]:8000/v1", "meta/llama@3", "http://[::1]:8000/v1"),
    ],
)
def test_a_server_of_ones_own(name: str, model: str, url: str) -> None:
    (found,) = named_models(name)
    assert (found.model, found.url) == (model, url)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "gpt-4o",
            "openai",
            "openai:",
            "OpenAI:gpt-4o",
            "azure:gpt-4o",
            "bedrock:a b",
            "local:qwen",
            "local:@http://h",
        ),
        *(
            "local:q@ftp://h",
            "local:q@http://",
            "local:q@http://u:p@h",
            "local:q@http://h:99999",
            "local:q@http://h?k=1",
        ),
        *("local:q@http://h:x", "openai:../../x y"),
    ],
)
def test_a_name_of_another_form_is_an_error_that_says_the_forms(name: str) -> None:
    with pytest.raises(ConfigError, match=r"local:NAME@URL|http://HOST:PORT"):
        endpoints_of(Settings(model=name))


def test_an_unknown_output_mode() -> None:
    with pytest.raises(ConfigError, match="native, tool or prompted"):
        endpoints_of(Settings(reasoning=ReasoningSettings(output="yaml")))


def test_the_extra_is_named_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    assert endpoints_of(Settings()) == []
    with pytest.raises(MissingExtraError, match=r"pipetriage\[model\]"):
        endpoints_of(Settings(model="openai:gpt-4o-mini"))


def test_nothing_heavy_is_imported_before_a_model_is_asked() -> None:
    program = (
        "import sys; import pipetriage.entrypoints.cli; from pipetriage.settings import Settings;"
        "from pipetriage.reasoning.models import endpoints_of; import pipetriage.reasoning.answers;"
        "endpoints_of(Settings(model='openai:gpt-4o,anthropic:c,local:q@http://h'));"
        "print([m for m in ('pydantic', 'pydantic_ai', 'openai', 'anthropic', 'boto3', 'httpx2', 'opentelemetry', "
        "'genai_prices') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "variable"),
    [("openai:gpt-4o-mini", "OPENAI_API_KEY"), ("anthropic:claude-sonnet-4-6", "ANTHROPIC_API_KEY")],
)
def test_a_missing_key_is_told_when_asked(name: str, variable: str) -> None:
    failed = failure(endpoints_of(Settings(model=name))[0])
    assert failed.fault is ModelFault.NOT_AUTHORIZED
    assert variable in failed.why
    assert failed.use.requests == 0
    assert failed.use.cost_usd == 0


def test_bedrock_without_credentials_or_region(monkeypatch: pytest.MonkeyPatch) -> None:
    (endpoint,) = endpoints_of(Settings(model=BedrockWire.model))
    failed = failure(endpoint)
    assert failed.fault is ModelFault.REJECTED
    assert "region" in failed.why
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")
    failed = failure(endpoint)
    assert failed.fault is ModelFault.NOT_AUTHORIZED
    assert "no AWS credentials" in failed.why
    assert (failed.use.requests, failed.use.cost_usd) == (0, 0)


def test_a_local_server_gets_no_key_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-you")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with provider() as server:
        server.plays(OpenAIWire().gives(RIGHT))
        ask(endpoints_of(Settings(model=f"local:qwen@{server.url}"))[0])
        assert "authorization" not in server.seen[0].headers
        assert b"sk-not" not in server.seen[0].body


MODES: dict[str, tuple[OpenAIWire | AnthropicWire | BedrockWire, str, str]] = {
    "openai:gpt-4o-mini": (OpenAIWire(), "response_format", "tools"),
    "anthropic:claude-3-5-haiku-latest": (AnthropicWire(), "tools", "output_config"),
    "anthropic:claude-sonnet-4-6": (AnthropicWire(), "output_config", "tools"),
    "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0": (BedrockWire(), "outputConfig", "toolConfig"),
    "bedrock:anthropic.claude-3-haiku-20240307-v1:0": (BedrockWire(), "toolConfig", "outputConfig"),
    "bedrock:us.meta.llama3-3-70b-instruct-v1:0": (BedrockWire(), "toolConfig", "outputConfig"),
    "bedrock:mistral.mistral-large-2402-v1:0": (BedrockWire(), "toolConfig", "outputConfig"),
}


@pytest.mark.parametrize("name", MODES)
def test_the_output_mode_of_a_family(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire, there, not_there = MODES[name]
    body = _sent(name, wire, None, monkeypatch)
    assert there.encode() in body
    assert f'"{not_there}"'.encode() not in body


@pytest.mark.parametrize(
    ("output", "there"), [("tool", b'"tools"'), ("native", b'"response_format"'), ("prompted", b"SCHEMA_DRIFT")]
)
def test_the_output_mode_that_is_set(output: str, there: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    body = _sent("openai:gpt-4o-mini", OpenAIWire(), output, monkeypatch)
    assert there in body


def _sent(
    name: str, wire: OpenAIWire | AnthropicWire | BedrockWire, output: str | None, monkeypatch: pytest.MonkeyPatch
) -> bytes:
    with provider() as server:
        for variable, value in wire.environment(server.url).items():
            monkeypatch.setenv(variable, value)
        server.plays(wire.fails(400, "no"))
        failure(endpoints_of(Settings(model=name, reasoning=ReasoningSettings(output=output)))[0])
        return server.seen[0].body


def test_a_mode_that_a_model_has_not_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider() as server:
        for variable, value in BedrockWire().environment(server.url).items():
            monkeypatch.setenv(variable, value)
        settings = Settings(model=BedrockWire.model, reasoning=ReasoningSettings(output="native"))
        failed = failure(endpoints_of(settings)[0])
        assert failed.fault is ModelFault.REJECTED
        assert "output" in failed.why
        assert not server.seen


def _cost(settings: Settings, server: Provider, monkeypatch: pytest.MonkeyPatch) -> float | None:
    for variable, value in OpenAIWire().environment(server.url).items():
        monkeypatch.setenv(variable, value)
    server.plays(OpenAIWire().gives(RIGHT))
    return ask(endpoints_of(settings)[0]).use.cost_usd


def test_what_asking_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    with provider() as server:
        listed = _cost(Settings(model="openai:gpt-4o-mini"), server, monkeypatch)
        assert listed == pytest.approx((1200 * 0.15 + 80 * 0.60) / 1e6)
        assert _cost(Settings(model="openai:not-in-any-table"), server, monkeypatch) is None
        local = f"local:qwen@{server.url}"
        assert _cost(Settings(model=local), server, monkeypatch) is None
        own = {local: PriceSettings(input=1.0, output=10.0)}
        priced = Settings(model=local, reasoning=ReasoningSettings(prices=own))
        assert _cost(priced, server, monkeypatch) == pytest.approx((1200 + 800) / 1e6)
        server.plays(OpenAIWire().fails(429, "slow down"))
        assert failure(endpoints_of(Settings(model="openai:gpt-4o-mini"))[0]).use.cost_usd == 0
        server.plays(OpenAIWire().says("{}", tokens=0))
        uncounted = failure(endpoints_of(Settings(model="openai:gpt-4o-mini"))[0])
        assert uncounted.use.cost_usd is None, "nobody counted it"


@pytest.mark.parametrize(
    "line",
    [
        *("deadline_seconds = inf", "deadline_seconds = nan", "deadline_seconds = -1", "late_seconds = inf"),
        *("input_tokens = 100", "output_tokens = -3", "retries = -1", "further_evidence = 1000"),
        *(
            "usd_per_day = nan",
            "usd_per_incident = inf",
            "tokens_per_day = -1",
            "cache_days = 1e9",
            "requests_days = nan",
        ),
        *("breaker_failures = 0", "breaker_seconds = inf"),
    ],
)
def test_a_bound_that_bounds_nothing_is_refused_by_name(line: str) -> None:
    with pytest.raises(ConfigError, match=line.split()[0]):
        parse_config(f"[reasoning]\n{line}\n", "pipetriage.toml")


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        named_models("local:qwen@http://user:hunter2@models.example/v1")
    assert "hunter2" not in str(caught.value)
