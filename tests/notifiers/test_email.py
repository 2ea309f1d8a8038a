"""Mails: one thread a topic, nobody left out, nothing in a header but what is meant."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from pipetriage.errors import ConfigError, DeliveryError, RefusedError
from tests.notifiers.certificates import self_signed, server_context
from tests.notifiers.mail_server import Mailbox, mail_server
from tests.notifiers.places import SECRETS, mail_channel, mail_place, sending


def test_a_mail_says_it_in_text_and_in_html() -> None:
    mailbox = Mailbox()
    with mail_place(mailbox) as channel:
        channel.send(sending(svg="<svg xmlns='http://www.w3.org/2000/svg'/>"))
    (mail,) = mailbox.mails
    assert mail["Subject"] == "orders_daily, batch 2026-11-22: not safe to retry"
    assert mail["To"] == "data-oncall@example.com, sales-data@example.com"
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert "NOT SAFE TO RETRY" in text.get_content()
    assert "<b>NOT SAFE TO RETRY</b>" in page.get_content()
    (picture,) = mail.iter_attachments()
    assert picture.get_content_type() == "image/svg+xml"


def test_later_mails_answer_the_first() -> None:
    mailbox = Mailbox()
    with mail_place(mailbox) as channel:
        thread: dict[str, str] = {}
        for number in range(3):
            thread = dict(channel.send(sending(f"key-{number}", thread=thread)))
    first, second, third = mailbox.mails
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == first["Message-ID"]
    assert third["In-Reply-To"] == second["Message-ID"]
    assert third["References"] == f"{first['Message-ID']} {second['Message-ID']}"


@pytest.mark.parametrize(
    "evil", ["x\r\nBcc: thief@example.com", "x\nBcc: thief@example.com", "x\r\n\r\n<b>body</b>", "\x00"]
)
def test_no_text_becomes_a_header(evil: str) -> None:
    mailbox = Mailbox()
    with mail_place(mailbox) as channel:
        channel.send(sending(evil, title=evil, cause=evil, topic=evil, thread={"first": evil, "last": f"<{evil}>"}))
    (mail,) = mailbox.mails
    assert mail["Bcc"] is None
    assert mail["In-Reply-To"] is None
    assert mail["Subject"].count("\n") == 0


def test_html_shows_what_was_said_and_runs_none_of_it() -> None:
    mailbox = Mailbox()
    with mail_place(mailbox) as channel:
        channel.send(sending(cause='<img src=x onerror="alert(1)">', link='https://x.example/"onmouseover="alert(1)'))
    page = mailbox.mails[0].get_body(("html",))
    assert page is not None
    assert "<img" not in page.get_content()
    assert "onmouseover" not in page.get_content()


def test_someone_who_is_refused_is_not_left_out_in_silence() -> None:
    mailbox = Mailbox()
    mailbox.refused = {"sales-data@example.com": "550 5.1.1 no such user"}
    with (
        mail_place(mailbox) as channel,
        pytest.raises(RefusedError, match=r"550.*no such user.*sales-data@example\.com"),
    ):
        channel.send(sending())
    mailbox.refused = {"sales-data@example.com": "451 4.7.1 greylisted"}
    with mail_place(mailbox) as channel, pytest.raises(DeliveryError, match="451") as raised:
        channel.send(sending())
    assert not isinstance(raised.value, RefusedError)


def test_a_server_without_tls_gets_no_password() -> None:
    mailbox = Mailbox()
    secured = mail_place(mailbox, security="starttls", user_env="SNOW_USER", password_env="SNOW_PASSWORD")
    with secured as channel, pytest.raises(RefusedError):
        channel.send(sending())
    assert not mailbox.mails


def let_in(server: object, session: object, envelope: object, mechanism: str, data: LoginPassword) -> AuthResult:
    right = data.login == SECRETS["SNOW_USER"].encode() and data.password == SECRETS["SNOW_PASSWORD"].encode()
    return AuthResult(success=right, handled=False)


def asking(security: str, context: ssl.SSLContext) -> dict[str, Any]:
    """How a mail server is set up that lets nobody in without TLS and a password."""
    own = {"authenticator": let_in, "auth_required": True}
    if security == "tls":
        return own | {"ssl_context": context, "auth_require_tls": False}
    return own | {"tls_context": context, "require_starttls": True}


# aiosmtpd takes "no STARTTLS asked for" for "no TLS", and warns.
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_goes_through_tls_to_a_server_that_is_known(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mailbox = Mailbox()
    login = {"security": security, "user_env": "SNOW_USER", "password_env": "SNOW_PASSWORD"}
    with mail_server(mailbox, **asking(security, server_context(certificate))) as port:
        mail_channel(port, **login).send(sending())
        assert len(mailbox.mails) == 1
        with pytest.raises(RefusedError, match="535"):
            mail_channel(port, **login | {"user_env": "JIRA_USER"}).send(sending())


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("of", ["127.0.0.1", "192.0.2.1"], ids=["not trusted", "of another server"])
def test_a_server_that_is_not_known_gets_no_mail(
    security: str, of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path, of=of)
    if of != "127.0.0.1":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    mailbox = Mailbox()
    login = {"security": security, "user_env": "SNOW_USER", "password_env": "SNOW_PASSWORD"}
    served = mail_server(mailbox, **asking(security, server_context(certificate)))
    with served as port, pytest.raises(DeliveryError, match="certificate is not accepted") as raised:
        mail_channel(port, **login).send(sending())
    assert not isinstance(raised.value, RefusedError)
    assert not mailbox.mails


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"security": "ssl"}, "starttls"),
        ({"to": []}, "to names nobody"),
        ({"to": ["x@example.com\nBcc: y@example.com"]}, "e-mail address"),
        ({"sender": "nobody"}, "e-mail address"),
        ({"user_env": "SNOW_USER"}, "go together"),
        ({"user_env": "SNOW_USER", "password_env": "SNOW_PASSWORD"}, "security none"),
        ({"host": "mail example"}, "host"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_sent(changes: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        mail_channel(25, **changes)
