"""Who is told: the declared rules, first match first, and the channels of queues and people."""

import re
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple
from zoneinfo import available_timezones

from msgspec.structs import replace

from pipetriage.errors import ConfigError
from pipetriage.model.categories import CATEGORY_OF, Category, FailureMode
from pipetriage.model.incident import MANUAL_REVIEW, Incident, Route
from pipetriage.model.message import Severity
from pipetriage.model.pipeline import Pipeline
from pipetriage.model.write_state import ExposureStatus, WriteStatus
from pipetriage.settings.routing import QuietHours, RoutingRule, RoutingSettings

_CHANNEL_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Short and plain: it is part of keys in the store."""

_LEFT_BEHIND = frozenset({WriteStatus.PARTIAL, WriteStatus.UNCERTAIN})


class Target(NamedTuple):
    """One channel that is told of an incident."""

    channel: str
    because: str


def by_declared_rules(incident: Incident, pipeline: Pipeline, routing: RoutingSettings) -> Route:
    """Give the incident's route as the first declared rule that fits makes it; without one, as the verdict made it.

    A rule can send an incident elsewhere. It cannot keep it from the manual review queue, where a person has to look
    at what was written, nor from the owners of what read it.
    """
    route, found = incident.route, _first(incident, routing)
    if found is None:
        return route
    name, rule = found
    queue = rule.queue or route.queue
    owner = rule.owner or (route.owner if queue == route.queue else pipeline.owner_of(queue))
    kept = [MANUAL_REVIEW, *route.also] if route.queue == MANUAL_REVIEW else route.also
    also = [one for one in dict.fromkeys(kept) if one != queue]
    return replace(route, queue=queue, owner=owner, reason=f"{name} of the settings; else {route.reason}", also=also)


def severity_of(incident: Incident, routing: RoutingSettings) -> Severity:
    """Say how much an incident matters: by its rule, else by what was left behind and who has read it."""
    found = _first(incident, routing)
    if found is not None and found[1].severity is not None:
        return Severity(found[1].severity)
    if incident.safe_to_retry:
        return Severity.WARNING
    left = any(one.status in _LEFT_BEHIND for one in incident.write_state)
    read = any(one.status is ExposureStatus.CONFIRMED for one in incident.exposure)
    return Severity.CRITICAL if left and read else Severity.ERROR


def quiet_hours_of(incident: Incident, routing: RoutingSettings) -> QuietHours | None:
    """Give the quiet hours that hold for an incident; None: none do."""
    found = _first(incident, routing)
    return found[1].quiet if found is not None and found[1].quiet is not None else routing.quiet


def targets(incident: Incident, routing: RoutingSettings) -> list[Target]:
    """List the channels that are told, each once and with why."""
    route, found = incident.route, _first(incident, routing)
    told: dict[str, str] = {}

    def tell(channels: list[str], because: str) -> None:
        for channel in channels:
            told.setdefault(channel, because)

    if found is not None and found[1].channels is not None:
        tell(found[1].channels, f"{found[0]} of the settings")
    else:
        named = _named(routing.queues, route.queue) + (_named(routing.owners, route.owner) if route.owner else [])
        tell(named or routing.default, route.reason)
    for one in route.also:
        tell(_named(routing.queues, one) + _named(routing.owners, one), _because(incident, one))
    return [Target(channel, because) for channel, because in told.items()]


def channels_named(routing: RoutingSettings) -> set[str]:
    """List every channel that the settings route to."""
    named = [*routing.queues.values(), *routing.owners.values(), routing.default]
    named += [rule.channels or [] for rule in routing.rules]
    return {channel for channels in named for channel in channels}


def check(routing: RoutingSettings, channels: Collection[str]) -> None:
    """Check what the settings' types cannot: names of channels, categories, write states and time zones.

    Raises:
        ConfigError: one of them is unknown; the message names it.
    """
    for name in sorted(channels_named(routing) - set(channels)):
        raise ConfigError(f"routing names the channel {name!r}: declare it as [channels.{name}]")
    for name in channels:
        if not _CHANNEL_NAME.fullmatch(name):
            raise ConfigError(f"channel {name[:80]!r}: a name has up to 64 letters, digits, dots, dashes, underscores")
    modes = {f"{CATEGORY_OF[mode]}/{mode}" for mode in FailureMode}
    for number, rule in enumerate(routing.rules, start=1):
        where = f"rule {rule.name or number} of [[routing.rules]]"
        for one in rule.categories:
            if one not in {*Category, *modes}:
                raise ConfigError(f"{where} names the category {one!r}: choose from {', '.join(Category)}")
        for one in rule.states:
            if one not in {*WriteStatus}:
                raise ConfigError(f"{where} names the write state {one!r}: choose from {', '.join(WriteStatus)}")
    for quiet in (routing.quiet, *(rule.quiet for rule in routing.rules)):
        if quiet is not None and quiet.timezone not in available_timezones():
            raise ConfigError(f"quiet hours name the time zone {quiet.timezone!r}: write one as Europe/Berlin, or UTC")


def _because(incident: Incident, who: str) -> str:
    read = [one for one in incident.exposure if one.owner == who and one.status is not ExposureStatus.NOT_EXPOSED]
    if not read:
        return f"the {who} is to know, too"
    words = "read" if read[0].status is ExposureStatus.CONFIRMED else "may have read"
    more = f" and {len(read) - 1} more" if len(read) > 1 else ""
    return f"{read[0].consumer}{more} {words} what the batch left, and {who} answers for it"


def _named(channels: dict[str, list[str]], name: str) -> list[str]:
    """Look a queue or an owner up, however its name was spelled."""
    wanted = _plain(name)
    return [channel for key, several in channels.items() if _plain(key) == wanted for channel in several]


def _plain(name: str) -> str:
    return name.casefold().replace("-", " ").replace("_", " ").removesuffix(" queue")


def _first(incident: Incident, routing: RoutingSettings) -> tuple[str, RoutingRule] | None:
    for number, rule in enumerate(routing.rules, start=1):
        if all(_conditions(rule, incident)):
            return f"rule {rule.name or number}", rule
    return None


def _conditions(rule: RoutingRule, incident: Incident) -> Iterator[bool]:
    mode = f"{incident.failure_category}/{incident.failure_mode}"
    if rule.pipelines:
        yield any(fnmatchcase(incident.pipeline_name, pattern) for pattern in rule.pipelines)
    if rule.categories:
        yield str(incident.failure_category) in rule.categories or mode in rule.categories
    if rule.states:
        yield any(state.status.value in rule.states for state in incident.write_state)
    if rule.below_confidence is not None:
        yield incident.confidence < rule.below_confidence
    if rule.safe is not None:
        yield incident.safe_to_retry is rule.safe
    if rule.exposed is not None:
        yield rule.exposed is any(one.status is not ExposureStatus.NOT_EXPOSED for one in incident.exposure)
