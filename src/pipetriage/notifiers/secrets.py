"""Secrets and addresses of a channel, from the environment, and checked before anything is sent to them."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pipetriage.errors import ConfigError

_LONGEST = 8192
"""Characters of a secret. A longer file is the wrong file."""


class Secrets:
    """What one channel may look up. It shows nothing of what it gave."""

    def __init__(self, channel: str, environment: Mapping[str, str]) -> None:
        self._channel = channel
        self._environment = environment

    def get(self, setting: str, variable: str) -> str:
        """Give a secret by the variable that a setting names, or from the file that ``<variable>_FILE`` names.

        Raises:
            ConfigError: it is not there, or is none; the message names the variable and the setting.
        """
        found = self._environment.get(variable) or self._from_file(setting, variable)
        found = found.strip()
        where = f"channel {self._channel}: {variable} ({setting})"
        if not found:
            raise ConfigError(f"{where} is not set: put the secret into it, or a file's path into {variable}_FILE")
        if not found.isascii() or not found.isprintable() or len(found) > _LONGEST:
            raise ConfigError(f"{where} holds something that cannot be a secret: one line of printable ASCII is needed")
        return found

    def maybe(self, setting: str, variable: str | None) -> str | None:
        """Give a secret that need not be declared.

        Raises:
            ConfigError: it is declared, and not there.
        """
        return None if variable is None else self.get(setting, variable)

    def _from_file(self, setting: str, variable: str) -> str:
        path = self._environment.get(f"{variable}_FILE")
        if not path:
            return ""
        try:
            with Path(path).open(encoding="utf-8") as file:
                return file.read(_LONGEST + 2)
        except (OSError, ValueError):
            raise ConfigError(
                f"channel {self._channel}: the file that {variable}_FILE names ({setting}) cannot be read"
            ) from None


def checked_address(channel: str, setting: str, address: str) -> str:
    """Give an address that a channel may send to, without a slash at its end.

    Raises:
        ConfigError: it is not https (or http on this machine's own loopback), or carries a password; the message names
            the setting, and nothing of the address, which may be a secret.
    """
    where = f"channel {channel}: {setting}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ConfigError(f"{where} is no address: write it as https://HOST/…") from None
    if not host or not address.isascii() or not address.isprintable() or " " in address:
        raise ConfigError(f"{where} is no address: write it as https://HOST/…")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise ConfigError(f"{where} has to begin with https:// (http:// only for this machine itself)")
    if "@" in parts.netloc:
        raise ConfigError(f"{where} has a user or password in it: use the settings for those")
    return address.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
