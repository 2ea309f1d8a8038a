"""Every channel, set up against its vendor on loopback."""

from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pipetriage.notifiers.channels import build_channel
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.settings.channels import (
    ChannelSettings,
    EmailChannel,
    JiraChannel,
    PagerDutyChannel,
    ServiceNowChannel,
    SlackChannel,
    TeamsChannel,
    WebhookChannel,
)
from tests.notifiers.mail_server import Mailbox, mail_server
from tests.notifiers.messages import message
from tests.notifiers.vendors import (
    JiraVendor,
    PagerDutyVendor,
    Service,
    ServiceNowVendor,
    SlackVendor,
    SlackWebhookVendor,
    TeamsVendor,
    Vendor,
    WebhookVendor,
    service,
)

SECRETS = {
    "SLACK_TOKEN": "xoxb-very-secret-token",
    "SIGNING": "signing-secret-0123456789",
    "PAGER_KEY": "0123456789abcdef0123456789ABCDEF",
    "JIRA_USER": "bot@example.com",
    "JIRA_TOKEN": "ATATT-secret-token/with+signs",
    "SNOW_USER": "bot",
    "SNOW_PASSWORD": "sn0w-passw0rd",
    "HOOK_KEY": "hook-signing-key",
    "HOOK_TOKEN": "hook-bearer-token",
}
"""Of every channel; none of them may ever be shown."""
HOOK_PIECES = ["T000SECRET", "B000SECRET", "XXXXSECRETXXXX", "SIGNATURE-SECRET"]
PATH = "/services/T000SECRET/B000SECRET/XXXXSECRETXXXX?sig=SIGNATURE-SECRET"

Settings = Callable[[str, float], ChannelSettings]


class Kind(NamedTuple):
    """A channel over HTTP."""

    vendor: type[Vendor]
    settings: Settings
    updates: bool
    """Whether it has one head, brought up to date, with news below; else each message stands by itself."""
    reads: bool
    """Whether it needs what the answer says; else a status is enough."""
    secrets: list[str]
    """What it was given, whole and in the pieces that are secret by themselves."""


KINDS: dict[str, Kind] = {
    "slack": Kind(
        SlackVendor,
        lambda url, seconds: SlackChannel(
            channel="C01",
            token_env="SLACK_TOKEN",
            signing_secret_env="SIGNING",
            endpoint=f"{url}/api",
            timeout_seconds=seconds,
        ),
        updates=True,
        reads=True,
        secrets=[SECRETS["SLACK_TOKEN"]],
    ),
    "slack webhook": Kind(
        SlackWebhookVendor,
        lambda url, seconds: SlackChannel(webhook_env="HOOK_URL", timeout_seconds=seconds),
        updates=False,
        reads=True,
        secrets=[PATH, *HOOK_PIECES],
    ),
    "teams": Kind(
        TeamsVendor,
        lambda url, seconds: TeamsChannel(webhook_env="HOOK_URL", timeout_seconds=seconds),
        updates=False,
        reads=False,
        secrets=[PATH, *HOOK_PIECES],
    ),
    "jira": Kind(
        JiraVendor,
        lambda url, seconds: JiraChannel(
            site=url,
            project="DATA",
            user_env="JIRA_USER",
            token_env="JIRA_TOKEN",
            labels=["data platform"],
            priorities={"error": "High"},
            timeout_seconds=seconds,
        ),
        updates=True,
        reads=True,
        secrets=[SECRETS["JIRA_TOKEN"], b64encode(f"bot@example.com:{SECRETS['JIRA_TOKEN']}".encode()).decode()],
    ),
    "servicenow": Kind(
        ServiceNowVendor,
        lambda url, seconds: ServiceNowChannel(
            instance=url,
            user_env="SNOW_USER",
            password_env="SNOW_PASSWORD",
            assignment_group="a" * 32,
            timeout_seconds=seconds,
        ),
        updates=True,
        reads=True,
        secrets=[SECRETS["SNOW_PASSWORD"]],
    ),
    "pagerduty": Kind(
        PagerDutyVendor,
        lambda url, seconds: PagerDutyChannel(routing_key_env="PAGER_KEY", endpoint=url, timeout_seconds=seconds),
        updates=True,
        reads=True,
        secrets=[SECRETS["PAGER_KEY"]],
    ),
    "webhook": Kind(
        WebhookVendor,
        lambda url, seconds: WebhookChannel(
            url=f"{url}{PATH}", secret_env="HOOK_KEY", token_env="HOOK_TOKEN", timeout_seconds=seconds
        ),
        updates=False,
        reads=False,
        secrets=[PATH, *HOOK_PIECES, SECRETS["HOOK_KEY"], SECRETS["HOOK_TOKEN"]],
    ),
}


class Place(NamedTuple):
    """A channel and what is at its other end."""

    kind: Kind
    vendor: Vendor
    server: Service
    channel: Channel


@contextmanager
def place(name: str, seconds: float = 2.0) -> Iterator[Place]:
    """Serve a vendor, with a channel to it."""
    kind = KINDS[name]
    vendor = kind.vendor()
    with service(vendor) as server:
        environment = {**SECRETS, "HOOK_URL": f"{server.url}{PATH}"}
        yield Place(kind, vendor, server, build_channel("ops", kind.settings(server.url, seconds), environment))


@contextmanager
def mail_place(mailbox: Mailbox, **changes: object) -> Iterator[Channel]:
    """Serve mail, with a channel to it."""
    with mail_server(mailbox) as port:
        yield mail_channel(port, **changes)


def mail_channel(port: int, **changes: object) -> Channel:
    fields: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "sender": "pipetriage <triage@example.com>",
        "to": ["data-oncall@example.com", "sales-data@example.com"],
        "timeout_seconds": 2.0,
    }
    return build_channel("mail", EmailChannel(**fields | changes), SECRETS)  # type: ignore[arg-type]


def sending(
    key: str = "key-1", *, attempt: int = 1, thread: dict[str, str] | None = None, **changes: object
) -> Sending:
    return Sending(message=message(**changes), key=key, attempt=attempt, thread=thread or {})


def everything_secret() -> list[str]:
    """List what no error, log or repr may hold."""
    return [*(one for name, one in SECRETS.items() if not name.endswith("USER")), *HOOK_PIECES, PATH]
