"""The channels by which people are told (``[channels.NAME]``). A secret is never written here: a setting names the
environment variable that holds it, or the file (as Docker and Kubernetes mount secrets)."""

from typing import Annotated

import msgspec
from msgspec import Meta

_Seconds = Annotated[float, Meta(gt=0, le=120)]


class _Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every channel has."""

    timeout_seconds: _Seconds = 10.0
    """For one request, answer included."""
    endpoint: str | None = None
    """Another address for the vendor's service: a proxy, or a test's server."""


class SlackChannel(_Channel, frozen=True, kw_only=True, tag="slack"):
    """Slack: a bot (``token`` and ``channel``), whose messages are updated and threaded; or an incoming webhook, which
    can do neither."""

    channel: str | None = None
    """A channel's id (``C…``) or name, for the bot."""
    token_env: str | None = None
    """Variable with the bot's token (``xoxb-…``; scope ``chat:write``, and ``chat:write.public`` for channels that it
    is not in)."""
    webhook_env: str | None = None
    """Variable with the webhook's address, which is a secret."""
    signing_secret_env: str | None = None
    """Variable with the app's signing secret; with it messages have buttons to acknowledge and to review, which ask
    ``pipetriage serve``."""


class TeamsChannel(_Channel, frozen=True, kw_only=True, tag="teams"):
    """Microsoft Teams, by a Workflows webhook."""

    webhook_env: str
    """Variable with the workflow's address; its ``sig`` is the credential."""


class JiraChannel(_Channel, frozen=True, kw_only=True, tag="jira"):
    """Jira Cloud, REST API v3."""

    site: str
    """``https://example.atlassian.net``."""
    project: str
    """The project's key."""
    issue_type: str = "Task"
    user_env: str
    """Variable with the account's e-mail address."""
    token_env: str
    """Variable with its API token."""
    labels: list[str] = []
    priorities: dict[str, str] = {}
    """Our severity to the project's priority; one that is not named is left to Jira."""
    link_type: str | None = "Relates"
    """The kind of link to the issue of the same failure in an earlier batch; None or empty: no link."""
    fields: dict[str, str | float | bool | list[str]] = {}
    """Further fields that the project requires, as they are."""


class ServiceNowChannel(_Channel, frozen=True, kw_only=True, tag="servicenow"):
    """ServiceNow's incident table, by the Table API."""

    instance: str
    """``https://example.service-now.com``."""
    user_env: str
    password_env: str
    assignment_group: str | None = None
    """A group's sys_id."""
    caller: str | None = None
    """A user's sys_id."""
    configuration_item: str | None = None
    """A CI's sys_id."""
    fields: dict[str, str] = {}
    """Further fields that the instance requires, as they are."""


class PagerDutyChannel(_Channel, frozen=True, kw_only=True, tag="pagerduty"):
    """PagerDuty, Events API v2."""

    routing_key_env: str
    """Variable with the integration key (32 characters)."""
    source: str = "pipetriage"


class EmailChannel(_Channel, frozen=True, kw_only=True, tag="email"):
    """E-mail by SMTP."""

    host: str
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    security: str = "starttls"
    """``starttls``, ``tls`` or ``none``; without either no password is sent."""
    sender: str
    to: list[str]
    user_env: str | None = None
    password_env: str | None = None


class WebhookChannel(_Channel, frozen=True, kw_only=True, tag="webhook"):
    """A CloudEvents 1.0 webhook: whatever else is to know."""

    url: str
    secret_env: str | None = None
    """Variable with the key that each request is signed by (HMAC-SHA256, docs/channels.md); None: unsigned."""
    token_env: str | None = None
    """Variable with a bearer token."""


ChannelSettings = (
    SlackChannel | TeamsChannel | JiraChannel | ServiceNowChannel | PagerDutyChannel | EmailChannel | WebhookChannel
)
