"""From the outbox to every vendor and back: what the store keeps of a thread is what the channel needs."""

from pathlib import Path

import pytest

from pipetriage.model.deliveries import Delivery, DeliveryState
from pipetriage.notifiers.sending import Sender
from pipetriage.stores import open_store
from tests.notifiers.messages import message
from tests.notifiers.places import KINDS, place
from tests.notifiers.test_sending import Clock, sender, states
from tests.notifiers.vendors import JiraVendor, ServiceNowVendor
from tests.reasoning.wire.server import answers


@pytest.mark.parametrize("name", sorted(KINDS))
def test_a_batch_is_told_in_one_thread_through_a_bad_hour(name: str, tmp_path: Path) -> None:
    outbox = open_store(f"sqlite:///{tmp_path / 'incidents.db'}").deliveries()
    clock = Clock()
    with place(name) as at:
        for number in range(3):
            told = message(title=f"orders_daily: verdict {number}", job_run_id=f"jr_{number}")
            outbox.put([Delivery(key=f"k{number}", channel="ops", message=told, created_at=clock(), due_at=clock())])
            clock.pass_by(seconds=1)
        at.server.faults.extend([answers(503, b""), answers(429, {}, retry_after="60"), answers(500, b"<html>")])
        sending: Sender = sender(outbox, clock, at.channel)
        for _ in range(12):
            sending.send_due(10)
            clock.pass_by(minutes=5)
        assert set(states(outbox).values()) == {DeliveryState.SENT}
        assert len(at.vendor.heads) == (1 if at.kind.updates else 3)
        assert "verdict 2" in at.vendor.heads[-1]
        if at.kind.updates:
            assert len(at.vendor.news) == 2


@pytest.mark.parametrize("name", ["jira", "servicenow"])
def test_a_ticket_names_the_one_of_the_same_failure_before(name: str, tmp_path: Path) -> None:
    outbox = open_store(f"sqlite:///{tmp_path / 'incidents.db'}").deliveries()
    clock = Clock()
    with place(name) as at:
        for topic, before in (("bat_1", None), ("bat_2", "bat_1")):
            told = message(topic=topic, recurs_topic=before)
            outbox.put([Delivery(key=topic, channel="ops", message=told, created_at=clock(), due_at=clock())])
            sender(outbox, clock, at.channel).send_due(10)
        if isinstance(at.vendor, JiraVendor):
            (link,) = at.vendor.links
            assert {link["inwardIssue"]["key"], link["outwardIssue"]["key"]} == {"DATA-1", "DATA-2"}
        if isinstance(at.vendor, ServiceNowVendor):
            assert "INC0000001" in list(at.vendor.incidents.values())[1]["work_notes"]
