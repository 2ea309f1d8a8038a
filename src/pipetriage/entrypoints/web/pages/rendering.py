"""Pages from templates: everything escaped, what cannot be seen made visible, and the headers of a page."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import cache

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pipetriage.bootstrap.targets import now
from pipetriage.entrypoints.plain_text import visible
from pipetriage.entrypoints.web.pages.static import asset
from pipetriage.entrypoints.web.visitors import COOKIE, Visitor

POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    # Not "no-referrer": with that, browsers send our own forms with the origin "null", which the door refuses.
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}

# After these, a long name of ours or of others may be broken.
_BREAKS = re.compile(r"([_./:-])")


def page(
    request: Request,
    visitor: Visitor | None,
    template: str,
    context: Mapping[str, object],
    *,
    here: str = "",
    status: int = 200,
    live_mark: str | None = None,
) -> HTMLResponse:
    """Answer with a page. ``here`` marks its entry in the navigation; with ``live_mark`` it is kept up to date."""
    frame = {"visitor": visitor, "here": here, "has_session": COOKIE in request.cookies, "live_mark": live_mark}
    return HTMLResponse(environment().get_template(template).render({**frame, **context}), status, HEADERS)


@cache
def environment() -> Environment:
    """Give the templates' environment: whatever a template prints is escaped, and nothing undefined is printed."""
    made = Environment(
        loader=PackageLoader("pipetriage.entrypoints.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["asset"] = asset
    made.filters |= {
        "utc": utc,
        "clock": clock,
        "day": day,
        "moment": moment,
        "age": age,
        "number": number,
        "duration": duration,
        "cut": cut,
        "breakable": breakable,
        "amount": amount,
        "amount_of": lambda several, noun: amount(len(several), noun),
    }
    return made


def utc(at: datetime) -> str:
    """Give a moment in full: ``2026-11-24 21:34 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def clock(at: datetime) -> str:
    """Give a moment of today, ``21:34 UTC``; of another day, in full."""
    return f"{at.astimezone(UTC):%H:%M} UTC" if at.astimezone(UTC).date() == now().date() else utc(at)


def day(on: date | datetime) -> str:
    """Give a day: ``2026-11-24``."""
    return f"{on.astimezone(UTC):%Y-%m-%d}" if isinstance(on, datetime) else f"{on:%Y-%m-%d}"


def moment(at: datetime) -> Markup:
    """Give a moment as an element that machines can read, too."""
    return Markup('<time datetime="{}">{}</time>').format(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}", utc(at))


def age(at: datetime) -> str:
    """Say how long ago that was."""
    return f"{duration(max(0.0, (now() - at).total_seconds()))} ago"


def duration(seconds: float) -> str:
    """Give a time span in the two largest units that matter to a person."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = math.floor(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def number(value: float) -> str:
    """Give a number with its thousands apart."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def amount(count: int, noun: str) -> str:
    """Give how many of what: ``1 run``, ``2 runs``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def cut(text: str, most: int) -> str:
    """Give the beginning of a text, and say by a sign that there is more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def breakable(text: str) -> Markup:
    """Let a long name be broken where it is read as two."""
    return Markup(_BREAKS.sub(r"\1<wbr>", str(escape(visible(text)))))  # noqa: S704 - escaped just here


def _shown(value: object) -> object:
    """Show what cannot be seen of any text that a template prints; markup of ours is left as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value
