"""Who asks, and what they may: tokens for programs, sessions for browsers, and forms that only our pages can send.

Where there is no token at all, neither in the environment nor in the store, whoever sits at this machine may do
everything but see what needs an administrator, and nobody else can ask.
"""

import getpass
import hashlib
import hmac
import ipaddress
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from pipetriage.bootstrap import App
from pipetriage.bootstrap.targets import now
from pipetriage.errors import StoreError
from pipetriage.model.access import PREFIX, Access, Entry, Scope, Session, Token, digest_of

COOKIE = "pipetriage_session"
SESSION = timedelta(hours=12)
"""How long a browser is known. Ours: a night on call."""
LOGIN = "/login"
KEPT_SECONDS = 2.0
"""How long a token that was looked up is taken as it was: one that is revoked may be used so much longer. Ours."""
_TOKENS = 1000

_ENVIRONMENT = "environment"
_LOCAL = frozenset({Scope.READ, Scope.SUBMIT, Scope.REVIEW})
_HERE = secrets.token_bytes(32)
"""Ties the forms of a browser that needs no session to this process."""

_BEARER = HTTPBearer(auto_error=False, description="A token of `pipetriage token create`.")


class Visitor(NamedTuple):
    """Whoever asks."""

    who: str
    """For the audit log, and the name under which reviews are kept."""
    token_id: str
    scopes: frozenset[Scope]
    form_key: str
    """What a form of ours has to bring along as ``form_key``; empty for programs, which send none."""

    def may(self, scope: Scope) -> bool:
        """Whether it is allowed to."""
        return scope in self.scopes


def is_this_machine(address: str) -> bool:
    """Whether only this machine can reach an address; a name other than ``localhost`` may lead anywhere."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Door:
    """Lets in who has a token, a session, or sits at this machine where there is no token."""

    def __init__(self, program: App, token: str | None) -> None:
        """Take the program, and the token of the environment: it may read and submit."""
        self._program = program
        self._token = token
        self._kept: dict[str, tuple[float, Token | None]] = {}
        self._asked: tuple[float, bool] | None = None

    @property
    def access(self) -> Access:
        """The store's tokens and sessions.

        Raises:
            StoreError: this kind of store keeps none.
        """
        return self._program.kept().access()

    def api(self, scope: Scope) -> Callable[..., Awaitable[Visitor]]:
        """Give the check of who calls the API: a bearer token, or this machine."""

        async def check(
            request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
        ) -> Visitor:
            secret = given.credentials if given else None
            if self._is_at_hand(secret):
                return _allowed(self.caller(request, secret), scope)
            return _allowed(await run_in_threadpool(self.caller, request, secret), scope)

        return check

    def caller(self, request: Request, secret: str | None) -> Visitor:
        """Say who calls with a token, or without one from this machine.

        Raises:
            HTTPException: nobody who may.
        """
        if secret is None:
            if self._needs_token():
                raise _unknown("give a token as Authorization: Bearer")
            # A page in somebody's browser reaches this machine as well, by a name of its own that leads there, or
            # with a form: such a request says where it comes from.
            _refuse_strange_host(request)
            refuse_other_site(request)
            return _at_this_machine()
        if self._token is not None and hmac.compare_digest(secret.encode("utf-8", "replace"), self._token.encode()):
            return Visitor(_ENVIRONMENT, _ENVIRONMENT, frozenset({Scope.READ, Scope.SUBMIT}), "")
        token = self._known(secret)
        if token is None:
            raise _unknown("the token is unknown, expired or revoked")
        return _of(token, "")

    def page(self, scope: Scope) -> Callable[..., Visitor]:
        """Give the check of who looks at a page: a session, or this machine; others are sent to log in."""

        def check(request: Request) -> Visitor:
            visitor = self.visitor(request)
            if visitor is None:
                raise HTTPException(303, "log in first", {"location": LOGIN})
            return _allowed(visitor, scope)

        return check

    def visitor(self, request: Request) -> Visitor | None:
        """Say who looks at a page; None: somebody who has to log in."""
        cookie = request.cookies.get(COOKIE)
        if cookie:
            found = self.access.session(digest_of(cookie))
            if found is not None and found[0].expires_at > now() and found[1].is_valid(now()):
                return _of(found[1], _form_key(cookie.encode()))
        if not self._needs_token():
            _refuse_strange_host(request)
            return _at_this_machine()
        return None

    def log_in(self, secret: str) -> tuple[str, Token] | None:
        """Begin a session; give the cookie's value, and whose it is. None: the token is not one of ours."""
        token = self._known(secret)
        if token is None:
            self.record("?", "login refused", "")
            return None
        cookie, at = secrets.token_urlsafe(32), now()
        self.access.begin_session(
            Session(digest=digest_of(cookie), token_id=token.token_id, created_at=at, expires_at=at + SESSION)
        )
        self.record(_name(token), "login", "")
        return cookie, token

    def log_out(self, request: Request, visitor: Visitor) -> None:
        """End the browser's session."""
        if cookie := request.cookies.get(COOKIE):
            self.access.end_session(digest_of(cookie))
            self.record(visitor.who, "logout", "")

    def record(self, who: str, what: str, about: str) -> None:
        """Add a line to the audit log."""
        self.access.record(Entry(at=now(), who=who, what=what, about=about))

    def _is_at_hand(self, secret: str | None) -> bool:
        """Whether the store need not be asked who that is, so that no thread is needed."""
        if secret is None:
            return self._token is not None or (self._asked is not None and self._asked[0] >= time.monotonic())
        known = self._kept.get(digest_of(secret))
        return not secret.startswith(PREFIX) or (known is not None and known[0] >= time.monotonic())

    def _known(self, secret: str) -> Token | None:
        if not secret.startswith(PREFIX):
            return None
        digest = digest_of(secret)
        known = self._kept.get(digest)
        if known is None or known[0] < time.monotonic():  # a moment ago it may have been at hand
            if len(self._kept) >= _TOKENS:
                self._kept.clear()
            known = self._kept[digest] = (time.monotonic() + KEPT_SECONDS, self.access.token(digest))
        token = known[1]
        return token if token is not None and token.is_valid(now()) else None

    def _needs_token(self) -> bool:
        if self._token is not None:
            return True
        if self._asked is None or self._asked[0] < time.monotonic():
            try:
                found = bool(self.access.tokens())
            except StoreError:
                # A store that keeps no tokens has none; one that cannot be read answers nothing anyway.
                return False
            self._asked = (time.monotonic() + KEPT_SECONDS, found)
        return self._asked[1]


def checked_form(request: Request, visitor: Visitor, form_key: str) -> None:
    """Refuse a form that no page of ours has sent.

    Raises:
        HTTPException: it does not bring the page's key along, or comes from another site.
    """
    refuse_other_site(request)
    if not hmac.compare_digest(form_key.encode("utf-8", "replace"), visitor.form_key.encode()):
        raise HTTPException(403, "the form is too old: load the page again")


def refuse_other_site(request: Request) -> None:
    """Refuse what a browser says another site's page has asked for (Fetch Metadata; Origin where that is not sent)."""
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise HTTPException(403, "another site's page may not ask")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise HTTPException(403, "another site's page may not ask")


def _refuse_strange_host(request: Request) -> None:
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        host = ""
    if not is_this_machine(host):
        raise HTTPException(421, "without a token, only questions to localhost are answered")


def _at_this_machine() -> Visitor:
    return Visitor(_user(), "local", _LOCAL, _form_key(_HERE))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _of(token: Token, form_key: str) -> Visitor:
    return Visitor(_name(token), token.token_id, token.scopes, form_key)


def _name(token: Token) -> str:
    return f"{token.name} ({token.token_id})"


def _form_key(secret: bytes) -> str:
    return hmac.new(secret, b"form", hashlib.sha256).hexdigest()


def _allowed(visitor: Visitor, scope: Scope) -> Visitor:
    if not visitor.may(scope):
        raise HTTPException(403, f"this token may not do that: it lacks the scope {scope}")
    return visitor


def _unknown(why: str) -> HTTPException:
    return HTTPException(401, why, {"www-authenticate": "Bearer"})
