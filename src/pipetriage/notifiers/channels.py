"""From a channel's settings to the channel. Each is imported when it is asked for, with what it needs."""

from collections.abc import Mapping

from pipetriage.notifiers.interface import Channel
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


def build_channel(name: str, settings: ChannelSettings, environment: Mapping[str, str]) -> Channel:
    """Make a channel. Nothing is sent, and no connection made.

    Raises:
        ConfigError: a secret is missing, or an address is none; the message names the variable and the setting.
        MissingExtraError: what it needs is not installed.
    """
    match settings:
        case SlackChannel():
            from pipetriage.notifiers import slack

            return slack.build(name, settings, environment)
        case TeamsChannel():
            from pipetriage.notifiers import teams

            return teams.build(name, settings, environment)
        case JiraChannel():
            from pipetriage.notifiers import jira

            return jira.build(name, settings, environment)
        case ServiceNowChannel():
            from pipetriage.notifiers import servicenow

            return servicenow.build(name, settings, environment)
        case PagerDutyChannel():
            from pipetriage.notifiers import pagerduty

            return pagerduty.build(name, settings, environment)
        case EmailChannel():
            from pipetriage.notifiers import email

            return email.build(name, settings, environment)
        case WebhookChannel():
            from pipetriage.notifiers import webhook

            return webhook.build(name, settings, environment)
