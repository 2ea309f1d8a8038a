"""From an incident to deliveries: who is told now, who in the morning, and what is told once for many."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from pipetriage.model.deliveries import Deliveries, Delivery, DeliveryState
from pipetriage.model.facts import IN_FLIGHT
from pipetriage.model.incident import Incident
from pipetriage.model.message import Message, Severity, What
from pipetriage.notifiers.composing import compose, is_whole
from pipetriage.notifiers.routing import Target, quiet_hours_of, severity_of, targets
from pipetriage.settings.routing import QuietHours, RoutingSettings

COUNTED = 10_000
"""A storm of more batches is told as one of so many and more."""

_LOGGED = 200
"""Deliveries of one batch that are looked through to find who was told."""

_RECENT = 5
"""Incidents of the same failure that are looked at to find the latest one of another batch."""


class Kept(Protocol):
    """What is asked of the incident store."""

    def incidents_of_batch(self, batch_key: str) -> list[Incident]:
        """List the incidents of one batch, the latest attempt first."""
        ...

    def with_fingerprint(self, fingerprint: str, limit: int) -> list[Incident]:
        """List the incidents of the same failure, the most recently opened first."""
        ...

    def deliveries(self) -> Deliveries:
        """Give the outbox."""
        ...


class Announcer:
    """Puts what is to be told of a batch into the outbox. Nothing is sent here: no triage waits for a channel."""

    def __init__(
        self,
        kept: Kept,
        routing: RoutingSettings,
        now: Callable[[], datetime],
        picture: Callable[[Incident], str] = lambda incident: "",
    ) -> None:
        self._kept = kept
        self._outbox = kept.deliveries()
        self._routing = routing
        self._now = now
        self._picture = picture

    def announce(self, batch_key: str) -> list[Delivery]:
        """Have told what is known of a batch, and give the deliveries; telling the same twice adds none.

        What is told is the verdict on its latest attempt, whichever attempt was triaged last.

        Raises:
            StoreError: it was not put into the outbox; the verdict stands.
        """
        attempts = self._kept.incidents_of_batch(batch_key)
        if not attempts or attempts[0].status in IN_FLIGHT:
            return []
        latest, routing = attempts[0], self._routing
        told = set(self._outbox.threads(batch_key))
        chosen = targets(latest, routing)
        if is_whole(latest):
            # Only who heard that something was wrong is told that it no longer is.
            log = self._outbox.log(topic=batch_key, limit=_LOGGED)
            told |= {one.channel for one in log if one.state is not DeliveryState.ABSORBED}
            chosen = [one for one in chosen if one.channel in told]
        named = {one.channel for one in chosen}
        chosen += [Target(channel, "it was told of this batch before") for channel in sorted(told - named)]
        if not chosen:
            return []
        severity = severity_of(latest, routing)
        message = compose(
            *(latest, attempts[1:], self._before(latest)),
            severity=severity,
            link=routing.link,
            acknowledged=self._outbox.acknowledged(batch_key),
            picture=self._picture(latest),
        )
        deliveries = [
            delivery
            for target in chosen
            for delivery in self._deliveries(latest, target, replace(message, because=target.because))
        ]
        self._outbox.put(deliveries)
        return deliveries

    def _before(self, incident: Incident) -> Incident | None:
        """Give the latest incident of the same failure in another batch."""
        same = self._kept.with_fingerprint(incident.fingerprint, _RECENT)
        return next((one for one in same if one.batch_key != incident.batch_key), None)

    def _deliveries(self, incident: Incident, target: Target, message: Message) -> list[Delivery]:
        now = self._now()
        last = next(iter(self._outbox.log(channel=target.channel, topic=message.topic, limit=1)), None)
        if last is not None and news_in(last.message) == news_in(message):
            return []
        # With what was said last: two processes with the same news make the same key, and news that comes back is news.
        key = _digest(target.channel, message.topic, *news_in(message), last.key if last else "")
        quiet = quiet_hours_of(incident, self._routing)
        due = now if quiet is None else after_quiet(now, quiet, message.severity)
        mine = Delivery(key=key, channel=target.channel, message=message, created_at=now, due_at=due)
        if message.what is not What.VERDICT or target.channel in self._outbox.threads(message.topic):
            return [mine]
        since = now - timedelta(minutes=self._routing.storm_minutes)
        count = self._outbox.topics_told(target.channel, message.fingerprint, since, COUNTED)
        if count < self._routing.storm_after:
            return [mine]
        return [replace(mine, state=DeliveryState.ABSORBED), self._storm(target.channel, message, count + 1, due)]

    def _storm(self, channel: str, message: Message, count: int, due: datetime) -> Delivery:
        """Tell of many batches with the same failure at once, no oftener than the settings say."""
        now, every = self._now(), self._routing.storm_every_seconds
        period = int(now.timestamp() // every)
        ends = datetime.fromtimestamp((period + 1) * every, now.tzinfo)
        topic = f"storm_{message.fingerprint}_{now:%Y%m%d}"
        storm = storm_of(message, topic, count, self._routing)
        key = _digest(channel, topic, str(period))
        return Delivery(key=key, channel=channel, message=storm, created_at=now, due_at=max(due, ends))


def news_in(message: Message) -> list[str]:
    """Give what anyone would act on: while that is the same, nothing new is told.

    How often something was seen and how sure we are is brought up to date with the next real news.
    """
    lines = [*message.why, *message.written, *message.exposed, *message.earlier]
    head = [message.incident_id, message.what, message.title, message.cause, message.next_step]
    return [*head, *lines, message.acknowledged or ""]


def storm_of(message: Message, topic: str, count: int, routing: RoutingSettings) -> Message:
    """Make one message of many; each batch keeps its own verdict."""
    many = f"{count:,} and more" if count >= COUNTED else f"{count:,}"
    minutes = f"{routing.storm_minutes:g}"
    return replace(
        message,
        what=What.STORM,
        topic=topic,
        fingerprint=f"storm_{message.fingerprint}",  # it does not count as a batch of its own
        title=f"{message.pipeline}: {many} batches failed in the same way within {minutes} minutes",
        verdict=f"{many} BATCHES, ONE FAILURE",
        safe_to_retry=None,
        why=["each batch has a verdict of its own: one that is safe to retry says nothing of another"],
        written=[],
        exposed=[],
        next_step=f"Look at one of them ({message.incident_id}), then at the list: pipetriage incidents list "
        f"--pipeline {message.pipeline}",
        approver=None,
        earlier=[],
        recurrence=None,
        recurs_in=None,
        recurs_topic=None,
        acknowledged=None,
        count=count,
        svg="",
    )


def after_quiet(now: datetime, quiet: QuietHours, severity: Severity) -> datetime:
    """Give when something of that severity may be said: now, or when the quiet hours end."""
    order = list(Severity)
    if order.index(severity) <= order.index(Severity(quiet.below)):
        return now
    local = now.astimezone(ZoneInfo(quiet.timezone))
    start, end, clock = _minutes(quiet.start), _minutes(quiet.end), local.hour * 60 + local.minute
    within = start <= clock < end if start <= end else clock >= start or clock < end
    if not within:
        return now
    day = local if clock < end else local + timedelta(days=1)
    # Of a time of day that the clock shows twice, the first; of one that it leaves out, an hour later.
    return day.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0, fold=0).astimezone(now.tzinfo)


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


def _digest(*parts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:40]


def sample(channel: str, now: datetime, link: str | None) -> Message:
    """Make the message by which a person sees whether a channel works; it is of no incident."""
    from pipetriage.model.categories import Category, FailureMode

    said: Sequence[str] = ["This is a sample: no pipeline failed."]
    return Message(
        what=What.TEST,
        topic=f"test_{_digest(channel, now.isoformat())[:16]}",
        title="pipetriage: a sample message",
        verdict="SAMPLE",
        safe_to_retry=None,
        severity=Severity.INFO,
        cause=f"somebody asked whether the channel {channel} works, with pipetriage route --test",
        why=[*said],
        written=["sales.orders: PARTIAL, 9 of 12 partitions (an example of what is said of a table)"],
        exposed=["CONFIRMED: revenue_report (bi-team) read it (an example of what is said of a reader)"],
        next_step="Nothing: it arrived.",
        approver=None,
        because="a person asked for it",
        link=link.replace("{incident_id}", "inc_sample") if link else None,
        incident_id="inc_sample",
        pipeline="sample",
        batch_id=None,
        job_run_id="jr_sample",
        status="FAILED",
        category=Category.UNKNOWN,
        failure_mode=FailureMode.INSUFFICIENT_EVIDENCE,
        confidence=0.0,
        fingerprint="fp_sample",
        table=None,
        as_of=now,
        created_at=now,
    )
