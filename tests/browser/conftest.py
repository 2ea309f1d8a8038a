"""A real Chromium looks at a real service on loopback."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pipetriage.bootstrap import open_app
from pipetriage.entrypoints.cli import main
from pipetriage.entrypoints.web.visitors import COOKIE, Door
from pipetriage.model.access import Scope
from pipetriage.stores import IncidentStore, open_store
from tests.building_captures import delta_half_written
from tests.entrypoints.web.asking import make_token
from tests.entrypoints.web.pages.seeded import fill
from tests.evaluation.building import CASES
from tests.requiring import absent

CHROMIUM = "/usr/bin/chromium"
# What a browser asks of its maker by itself is switched off: the tests assert that no request leaves the host.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Site:
    """A service with incidents, and a token of somebody who may do everything."""

    def __init__(self, folder: Path) -> None:
        platform = delta_half_written(folder)
        self.config, self.url = platform.config, str(folder / "incidents.db")
        fill(folder / "incidents.db", count=30)
        for target in (str(CASES / "failure_after_staging_write"), "local:orders/latest"):
            assert main(["triage", target, "--store", self.url, "--config", str(self.config), "--no-route"]) == 0
        self.store: IncidentStore = open_store(self.url)
        self.secret = make_token(self.store, *Scope)
        begun = Door(open_app(store_url=self.url), None).log_in(self.secret)
        assert begun is not None
        self.cookie = begun[0]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        options = ["--port", port, "--store", self.url, "--config", str(self.config)]
        command = [sys.executable, "-m", "pipetriage", "serve", *options]
        environment = {name: value for name, value in os.environ.items() if name != "PIPETRIAGE_TOKEN"}
        self._process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE)
        for _ in range(1200):
            try:
                with urllib.request.urlopen(f"{self.address}/readyz", timeout=5):  # noqa: S310 - our own service
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(self.stop())

    def stop(self) -> str:
        self._process.send_signal(signal.SIGINT)
        _, told = self._process.communicate(timeout=30)
        return told.decode()


# Not of the session: while it is open, no other test of this process could run an event loop of its own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if find_spec("playwright") is None:
        absent("browser", "playwright is not installed")
    if not Path(CHROMIUM).exists():
        absent("browser", f"there is no {CHROMIUM}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, chromium: Any) -> Iterator[Site]:
    one = Site(tmp_path_factory.mktemp("site"))
    yield one
    assert "Traceback" not in one.stop()


class Watched:
    """A page, and what went wrong on it: nothing may leave the host, break a policy, or fail in a script."""

    def __init__(self, chromium: Any, site: Site, **options: Any) -> None:
        self.context = chromium.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.site = site
        self.wrong: list[str] = []
        self.bytes = 0
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)
        self.page.on("console", lambda one: self.wrong.append(one.text) if one.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def log_in(self, then: str = "/") -> Any:
        """Log in by the form, and be where one wanted to be."""
        self.open(then)
        self.page.get_by_label("Your token").fill(self.site.secret)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(re.compile(re.escape(self.site.address + then) + "$"))
        return self.page

    def logged_in(self, then: str = "/") -> Any:
        """Be logged in already: so many may log in by the form in a minute."""
        self.context.add_cookies([{"name": COOKIE, "value": self.site.cookie, "url": self.site.address}])
        return self.open(then)

    def open(self, path: str) -> Any:
        self.page.goto(f"{self.site.address}{path}")
        return self.page

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.site.address, "data:")):
            self.wrong.append(f"asks {request.url}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status} of {response.url}")
        elif response.status == 200:
            self.bytes += int(response.headers["content-length"])


Look = Callable[..., Watched]


@pytest.fixture
def look(chromium: Any, site: Site) -> Iterator[Look]:
    """Open a browser of somebody's, by its width and theme; at the end nothing may have gone wrong in it."""
    opened: list[Watched] = []

    def open_one(width: int = 1280, scheme: str = "light", **options: Any) -> Watched:
        size = {"width": width, "height": 844}
        opened.append(Watched(chromium, site, viewport=size, color_scheme=scheme, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.context.close()
        assert one.wrong == []
