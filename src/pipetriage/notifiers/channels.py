"""From a channel's settings to the channel."""

from collections.abc import Mapping

from pipetriage.errors import ConfigError
from pipetriage.notifiers.interface import Channel
from pipetriage.settings.channels import ChannelSettings


def build_channel(name: str, settings: ChannelSettings, environment: Mapping[str, str]) -> Channel:
    """Make a channel.

    Raises:
        ConfigError: a secret is missing; the message names the variable and the setting.
    """
    raise ConfigError(f"channel {name}: not in this version")
