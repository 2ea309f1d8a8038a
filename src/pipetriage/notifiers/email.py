"""E-mail by SMTP: one mail a message, in one thread a topic."""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parseaddr

from pipetriage.errors import ConfigError, DeliveryError, RefusedError
from pipetriage.notifiers.answers import hide, spellings
from pipetriage.notifiers.email_documents import mail
from pipetriage.notifiers.interface import Channel, Sending
from pipetriage.notifiers.secrets import Secrets, checked_address
from pipetriage.notifiers.thread import already_said, has_outgrown, storm_count
from pipetriage.settings.channels import EmailChannel

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
"""RFC 5321's addresses without quoted names, comments and literals."""
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_SECURITY = ("starttls", "tls", "none")


def build(name: str, settings: EmailChannel, environment: Mapping[str, str]) -> Channel:
    """Make the channel.

    Raises:
        ConfigError: a secret is missing, an address is none, or a password would be sent in the clear.
    """
    if settings.security not in _SECURITY:
        raise ConfigError(f"channel {name}: security is one of {', '.join(_SECURITY)}, not {settings.security[:40]!r}")
    if not settings.to:
        raise ConfigError(f"channel {name}: to names nobody")
    for one in (settings.sender, *settings.to):
        if not _ADDRESS.fullmatch(parseaddr(one)[1]) or not one.isprintable():
            raise ConfigError(f"channel {name}: {one[:80]!r} is no e-mail address (sender, to)")
    if (settings.user_env is None) != (settings.password_env is None):
        raise ConfigError(f"channel {name}: user_env and password_env go together")
    if settings.security == "none" and settings.password_env is not None:
        raise ConfigError(f"channel {name}: with security none no password is sent: remove user_env and password_env")
    secrets = Secrets(name, environment)
    user = secrets.maybe("user_env", settings.user_env)
    return Email(name, settings, user, secrets.maybe("password_env", settings.password_env))


class Email:
    """The Message-ID is made of the delivery's key: a mail that arrives twice is known as the same."""

    def __init__(self, name: str, settings: EmailChannel, user: str | None, password: str | None) -> None:
        self.name = name
        self._settings = settings
        self._user = user
        self._password = password
        self._secrets = spellings([password] if password else [])
        self._host, self._port = _place(name, settings)

    def send(self, sending: Sending) -> Mapping[str, str]:
        """Send the mail to everybody; it is taken only if it is taken for everybody."""
        if already_said(sending) or not has_outgrown(sending):
            return sending.thread
        composed = mail(sending, self._settings.sender, self._settings.to)
        with self._connected() as server:
            refused = server.send_message(composed)
        if refused:
            raise _partly(refused, self._secrets)
        own = str(composed["Message-ID"])
        first = sending.thread.get("first", own)
        return {"said": sending.key, "first": first, "last": own} | storm_count(sending)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        settings, seconds = self._settings, self._settings.timeout_seconds
        server = self._server(seconds)
        late = threading.Event()
        watch = threading.Timer(seconds, _end, [server, late])
        watch.daemon = True
        watch.start()
        try:
            server.connect(self._host, self._port)
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self._user is not None and self._password is not None:
                server.login(self._user, self._password)
            yield server
            # The mail is taken: whatever becomes of the parting words, it is not sent again.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise self._refusal(error, late=late.is_set()) from None
        finally:
            watch.cancel()
            server.close()

    def _server(self, seconds: float) -> smtplib.SMTP:
        ours = re.sub(r"[^A-Za-z0-9.-]", "", socket.gethostname()) or "localhost"
        if self._settings.security != "tls":
            server = smtplib.SMTP(timeout=seconds, local_hostname=ours)
        else:
            context = ssl.create_default_context()
            server = smtplib.SMTP_SSL(timeout=seconds, local_hostname=ours, context=context)
        # What starttls() checks the certificate against; connect() does not note it.
        server._host = self._host  # type: ignore[attr-defined]
        return server

    def _refusal(self, error: Exception, *, late: bool) -> DeliveryError:
        if late or isinstance(error, TimeoutError):
            return DeliveryError(f"the mail server did not answer within {self._settings.timeout_seconds:g} s")
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            return _partly(error.recipients, self._secrets)
        if isinstance(error, smtplib.SMTPResponseException):
            return _answered(error.smtp_code, error.smtp_error, self._secrets)
        # Before ValueError, of which it is one.
        if isinstance(error, ssl.SSLCertVerificationError):
            return DeliveryError(f"the mail server's certificate is not accepted ({error.verify_message[:120]})")
        if isinstance(error, ssl.SSLError):
            return DeliveryError("the mail server does not speak TLS there, or none that both sides know")
        if isinstance(error, smtplib.SMTPNotSupportedError | ValueError):
            return RefusedError("the mail server cannot do what the settings ask for (security, password, addresses)")
        return DeliveryError(f"the mail server is not reached, or ended the connection ({type(error).__name__})")


def _place(name: str, settings: EmailChannel) -> tuple[str, int]:
    if settings.endpoint is None:
        if not _HOST.fullmatch(settings.host):
            raise ConfigError(f"channel {name}: host is no name of a host")
        return settings.host, settings.port
    _, _, place = checked_address(name, "endpoint", settings.endpoint).partition("://")
    host, _, port = place.partition("/")[0].rpartition(":")
    return (host, int(port)) if host and port.isdecimal() else (place, settings.port)


def _partly(refused: Mapping[str, tuple[int, bytes]], secrets: list[str]) -> DeliveryError:
    """Not all took it. It is sent to all again, with the same Message-ID, for nobody is to be left out."""
    code, said = next((one for one in refused.values() if one[0] >= 500), next(iter(refused.values())))
    who = ", ".join(list(refused)[:3])
    found = _answered(code, said, secrets)
    return type(found)(hide(f"{found} (for {who})", secrets))


def _answered(code: int, said: bytes | str, secrets: list[str]) -> DeliveryError:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    why = f"the mail server answered {code}: {hide(text[:4000], secrets)}"
    return RefusedError(why) if 500 <= code < 600 else DeliveryError(why)


def _end(server: smtplib.SMTP, late: threading.Event) -> None:
    """End a conversation from outside: a server that drips would otherwise never be given up."""
    late.set()
    try:
        if server.sock is not None:
            server.sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
