from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipetriage.account import AccountRuns
from pipetriage.bootstrap import App
from pipetriage.errors import CredentialsError
from pipetriage.model.pipeline import BatchIdFrom, Pipeline
from pipetriage.settings import AwsSettings, Settings, WatchSettings
from pipetriage.stores import open_store
from pipetriage.watching.answers import Report
from pipetriage.watching.queue import Queue
from pipetriage.watching.worker import Worker
from tests.emulated.account import REGION, EmulatedAccount
from tests.emulated.events import EventQueue
from tests.emulated.fixtures import account, aws_environment, emulator

__all__ = ["account", "aws_environment", "emulator"]

JOB = "orders_daily"


@pytest.fixture
def events(account: EmulatedAccount) -> EventQueue:
    return EventQueue(account)


class Watch:
    """A worker over the emulated account, a store of its own, and what it reported."""

    def __init__(
        self,
        account: EmulatedAccount,
        events: EventQueue,
        folder: Path,
        *,
        target: str | None = None,
        store: str | None = None,
        job: str = JOB,
        **settings: object,
    ) -> None:
        fields = {"queue": events.url, "dead_letters": events.letters, "wait_seconds": 1, "hidden_seconds": 30}
        self.settings = WatchSettings(**{**fields, **settings})  # type: ignore[arg-type]
        aws = AwsSettings(region=REGION, endpoint_url=account.url, deadline_seconds=10)
        pipeline = Pipeline(name=JOB, glue_job=job, batch_id=BatchIdFrom(), control="none", target=target)
        self.store = open_store(store or str(folder / "incidents.db"))
        self.app = App(Settings(aws=aws, watch=self.settings), {JOB: pipeline}, folder, self.store)
        self.runs = AccountRuns(self.app)
        self.reports: list[Report] = []
        self.worker = Worker(self.runs.desk(), self.settings, self.reports.append, self.runs.ready)
        self.queue = Queue(self.settings, account.url, REGION)

    def work(self) -> "Watch":
        self.worker.work(self.queue, until_empty=True)
        return self

    def words(self) -> list[str]:
        return sorted(one.word for one in self.reports)


@pytest.fixture
def watch(account: EmulatedAccount, events: EventQueue, tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    made: list[Watch] = []

    def make(**settings: Any) -> Watch:
        made.append(Watch(account, events, tmp_path, **settings))
        return made[-1]

    yield make
    for one in made:
        with suppress(CredentialsError):
            one.worker.end()
