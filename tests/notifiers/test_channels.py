"""From settings to a channel: what is missing is named, and nothing that is secret."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipetriage.errors import ConfigError, DeliveryError, RefusedError
from pipetriage.notifiers.channels import build_channel
from pipetriage.settings.channels import (
    ChannelSettings,
    JiraChannel,
    PagerDutyChannel,
    ServiceNowChannel,
    SlackChannel,
    TeamsChannel,
    WebhookChannel,
)
from tests.notifiers.certificates import self_signed, server_context
from tests.notifiers.places import KINDS, SECRETS, place, sending
from tests.notifiers.vendors import SlackVendor, service


@pytest.mark.parametrize(
    ("settings", "variable", "setting"),
    [
        (SlackChannel(channel="C01", token_env="MY_TOKEN"), "MY_TOKEN", "token_env"),
        (SlackChannel(webhook_env="MY_HOOK"), "MY_HOOK", "webhook_env"),
        (SlackChannel(webhook_env="MY_HOOK", signing_secret_env="MY_SIGN"), "MY_SIGN", "signing_secret_env"),
        (TeamsChannel(webhook_env="MY_HOOK"), "MY_HOOK", "webhook_env"),
        (JiraChannel(site="https://x.example", project="A", user_env="U", token_env="T"), "U", "user_env"),
        (ServiceNowChannel(instance="https://x.example", user_env="U", password_env="P"), "U", "user_env"),
        (PagerDutyChannel(routing_key_env="MY_KEY"), "MY_KEY", "routing_key_env"),
        (WebhookChannel(url="https://x.example", secret_env="MY_KEY"), "MY_KEY", "secret_env"),
    ],
)
def test_a_missing_secret_is_named(settings: ChannelSettings, variable: str, setting: str) -> None:
    with pytest.raises(ConfigError, match=rf"ops.*\b{variable}\b.*{setting}"):
        build_channel("ops", settings, {})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-very-secret-token\n")
    with service(SlackVendor()) as server:
        settings = SlackChannel(channel="C01", token_env="SLACK_TOKEN", endpoint=server.url)
        channel = build_channel("ops", settings, {"SLACK_TOKEN_FILE": str(tmp_path / "token")})
        assert channel.send(sending())["ts"]
    with pytest.raises(ConfigError, match="SLACK_TOKEN_FILE"):
        build_channel("ops", settings, {"SLACK_TOKEN_FILE": str(tmp_path / "absent")})


@pytest.mark.parametrize("secret", ["xoxb-a\r\nX-Evil: 1", "ключ", "a\x00b", "x" * 20_000])
def test_a_secret_that_cannot_be_one_is_not_sent_or_shown(secret: str) -> None:
    with pytest.raises(ConfigError, match="SLACK_TOKEN") as raised:
        build_channel("ops", SlackChannel(channel="C01", token_env="SLACK_TOKEN"), {"SLACK_TOKEN": secret})
    assert secret not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/SECRET-PART",
        "ftp://hooks.example/SECRET-PART",
        "https://user:SECRET-PART@hooks.example/",
        "SECRET-PART",
        "https:///SECRET-PART",
        "https://[bad/SECRET-PART",
        "https://hooks.example/SECRET-PART x",
        "http://127.0.0.1.evil.example/SECRET-PART",
        "http://127.0.0.1@evil.example/SECRET-PART",
    ],
)
def test_an_address_without_tls_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="webhook_env") as raised:
        build_channel("ops", TeamsChannel(webhook_env="HOOK_URL"), {"HOOK_URL": url})
    assert "SECRET-PART" not in str(raised.value)


@pytest.mark.parametrize(
    "settings",
    [
        SlackChannel(),
        SlackChannel(token_env="SLACK_TOKEN"),
        PagerDutyChannel(routing_key_env="SLACK_TOKEN"),
        JiraChannel(site="jira.example", project="A", user_env="JIRA_USER", token_env="JIRA_TOKEN"),
    ],
)
def test_settings_that_cannot_work_are_said_before_anything_is_sent(settings: ChannelSettings) -> None:
    with pytest.raises(ConfigError, match="ops"):
        build_channel("ops", settings, SECRETS)


def test_nothing_is_asked_of_anybody_until_something_is_sent() -> None:
    for name in KINDS:
        with place(name) as at:
            assert not at.server.seen
            assert at.channel.name == "ops"


class _Tls(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raise AssertionError("nothing may be sent to a server that is not known")


def test_a_server_with_an_unknown_certificate_is_told_nothing(tmp_path: Path) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Tls)
    context = server_context(self_signed(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        url = f"https://127.0.0.1:{server.server_address[1]}/SECRET-PART"
        channel = build_channel("ops", TeamsChannel(webhook_env="HOOK"), {"HOOK": url})
        with pytest.raises(DeliveryError, match="certificate is not accepted") as raised:
            channel.send(sending())
        assert not isinstance(raised.value, RefusedError)
        assert "SECRET-PART" not in str(raised.value)
    finally:
        server.shutdown()
        server.server_close()


def test_a_proxy_of_the_environment_is_used_for_the_world_and_not_for_this_machine() -> None:
    with service(SlackVendor()) as server:
        proxied = {**SECRETS, "HTTPS_PROXY": server.url}
        outside = build_channel("ops", SlackChannel(channel="C01", token_env="SLACK_TOKEN"), proxied)
        with pytest.raises(DeliveryError, match=r"proxy|not reached|ended"):
            outside.send(sending())  # the vendor here is no proxy: what counts is that it was asked
        inside = SlackChannel(channel="C01", token_env="SLACK_TOKEN", endpoint=server.url)
        dead = {**SECRETS, "HTTPS_PROXY": "http://127.0.0.1:1"}
        assert build_channel("ops", inside, dead).send(sending())["ts"]
