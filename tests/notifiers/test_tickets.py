"""Jira, ServiceNow and PagerDuty: one ticket a topic, whatever happens to it or to our answers."""

import json

import pytest

from pipetriage.errors import DeliveryError, RefusedError
from pipetriage.model.message import Severity, What
from pipetriage.notifiers.jira import topic_label
from pipetriage.notifiers.pagerduty import dedup_key
from pipetriage.notifiers.servicenow import correlation_id
from tests.notifiers.places import Place, place, sending
from tests.notifiers.vendors import JiraVendor, PagerDutyVendor, ServiceNowVendor
from tests.reasoning.wire.server import answers


def jira_of(at: Place) -> JiraVendor:
    assert isinstance(at.vendor, JiraVendor)
    return at.vendor


def servicenow_of(at: Place) -> ServiceNowVendor:
    assert isinstance(at.vendor, ServiceNowVendor)
    return at.vendor


def pagerduty_of(at: Place) -> PagerDutyVendor:
    assert isinstance(at.vendor, PagerDutyVendor)
    return at.vendor


# Jira


def test_an_issue_is_what_the_settings_say() -> None:
    with place("jira") as at:
        at.channel.send(sending())
        (issue,) = jira_of(at).issues.values()
    assert issue["project"] == {"key": "DATA"}
    assert issue["issuetype"] == {"name": "Task"}
    assert issue["priority"] == {"name": "High"}
    assert issue["labels"] == ["data-platform", "pipetriage", topic_label("bat_1")]


def test_a_severity_without_a_declared_priority_is_left_to_jira() -> None:
    with place("jira") as at:
        at.channel.send(sending(severity=Severity.INFO))
        (issue,) = jira_of(at).issues.values()
        assert "priority" not in issue


def test_the_same_failure_in_an_earlier_batch_is_linked() -> None:
    with place("jira") as at:
        earlier = at.channel.send(sending())
        recurs = {f"recurs_{name}": value for name, value in earlier.items()}
        thread = at.channel.send(sending("key-2", topic="bat_2", thread=recurs))
        (link,) = jira_of(at).links
    assert link["type"] == {"name": "Relates"}
    assert {link["inwardIssue"]["key"], link["outwardIssue"]["key"]} == {earlier["key"], thread["key"]}
    assert "recurs_key" not in thread


def test_a_link_that_fails_makes_no_second_issue_and_is_made_later() -> None:
    with place("jira") as at:
        jira_of(at).refuses_links = True
        thread = dict(at.channel.send(sending(thread={"recurs_key": "DATA-99"})))
        assert len(jira_of(at).issues) == 1
        jira_of(at).refuses_links = False
        at.channel.send(sending("key-2", thread=thread))
        assert len(jira_of(at).links) == 1
        assert len(jira_of(at).issues) == 1


def test_an_issue_that_was_made_without_our_learning_of_it_is_found() -> None:
    with place("jira") as at:
        at.server.loses_answers = 1
        with pytest.raises(DeliveryError):
            at.channel.send(sending())
        thread = at.channel.send(sending(attempt=2))
        assert list(jira_of(at).issues) == [thread["key"]]
        assert not jira_of(at).comments


def test_a_comment_that_arrived_without_our_learning_of_it_is_not_made_twice() -> None:
    with place("jira") as at:
        thread = dict(at.channel.send(sending()))
        at.server.loses_answers = 2  # the edit and, in the second attempt, the edit again
        for attempt in (1, 2):
            with pytest.raises(DeliveryError):
                at.channel.send(sending("key-2", attempt=attempt, thread=thread))
        at.server.faults.append(answers(204, b""))
        at.server.loses_answers = 2
        with pytest.raises(DeliveryError):  # what was said already is asked for, and that answer is lost
            at.channel.send(sending("key-2", attempt=3, thread=thread))
        with pytest.raises(DeliveryError):
            at.channel.send(sending("key-2", attempt=3, thread=thread))
        at.channel.send(sending("key-2", attempt=4, thread=thread))
        at.channel.send(sending("key-2", attempt=5, thread=thread))
        assert len(jira_of(at).comments) == 1
        at.channel.send(sending("key-3", attempt=2, thread=thread))
        assert len(jira_of(at).comments) == 2


def test_a_read_only_issue_is_still_commented_on() -> None:
    with place("jira") as at:
        thread = dict(at.channel.send(sending()))
        jira_of(at).read_only = True
        at.channel.send(sending("key-2", thread=thread))
        assert len(jira_of(at).comments) == 1


def test_a_deleted_issue_is_followed_by_a_new_one() -> None:
    with place("jira") as at:
        thread = dict(at.channel.send(sending()))
        jira_of(at).issues.clear()
        jira_of(at).issues["DATA-5"] = {"labels": []}
        after = at.channel.send(sending("key-2", thread=thread))
        assert after["key"] in jira_of(at).issues
        assert after["key"] != "DATA-5"


def test_no_issue_is_ever_moved() -> None:
    with place("jira") as at:
        thread = dict(at.channel.send(sending()))
        at.channel.send(sending("key-2", thread=thread, what=What.RESOLVED, verdict="RESOLVED"))
        assert jira_of(at).transitions == 0
        assert not [seen for seen in at.server.seen if "transitions" in seen.path]
        assert "RESOLVED" in json.dumps(jira_of(at).comments[-1])


@pytest.mark.parametrize("key", ["../../admin", "DATA-1/../2", "data-1", "", 7, None])
def test_a_key_that_is_none_is_not_believed(key: object) -> None:
    with place("jira") as at:
        at.server.faults.append(answers(201, {"id": "1", "key": key}))
        with pytest.raises(DeliveryError):
            at.channel.send(sending())


# ServiceNow


def test_an_open_incident_of_the_topic_is_used_even_if_the_thread_was_lost() -> None:
    with place("servicenow") as at:
        at.channel.send(sending())
        at.channel.send(sending("key-2"))
        assert len(servicenow_of(at).incidents) == 1
        assert len(servicenow_of(at).notes) == 1


def test_a_closed_incident_is_followed_by_a_new_one() -> None:
    with place("servicenow") as at:
        thread = dict(at.channel.send(sending()))
        servicenow_of(at).closed.add(thread["sys_id"])
        after = at.channel.send(sending("key-2", thread=thread))
        assert after["sys_id"] != thread["sys_id"]
        assert len(servicenow_of(at).incidents) == 2


def test_an_incident_that_we_may_not_write_to_is_not_doubled_with_every_message() -> None:
    with place("servicenow") as at:
        thread = dict(at.channel.send(sending()))
        for number in (2, 3):
            # Refused by a rule of the instance, while the incident is open.
            at.server.faults.append(answers(403, {"error": {"message": "ACL"}}))
            found = answers(200, {"result": [{"sys_id": thread["sys_id"], "number": "INC0000001"}]})
            at.server.faults.extend([found, answers(403, {"error": {"message": "Operation Failed", "detail": "ACL"}})])
            with pytest.raises(RefusedError, match="Operation Failed; ACL"):
                at.channel.send(sending(f"key-{number}", thread=thread))
        assert len(servicenow_of(at).incidents) == 1


def test_severity_becomes_urgency_and_impact() -> None:
    with place("servicenow") as at:
        at.channel.send(sending(severity=Severity.CRITICAL))
        (incident,) = servicenow_of(at).incidents.values()
    assert incident["urgency"] == incident["impact"] == "1"
    assert "priority" not in incident  # derived from both
    assert incident["assignment_group"] == "a" * 32


def test_the_earlier_incident_is_named() -> None:
    with place("servicenow") as at:
        at.channel.send(sending(thread={"recurs_number": "INC0000042"}))
        (incident,) = servicenow_of(at).incidents.values()
        assert "INC0000042" in incident["work_notes"]


@pytest.mark.parametrize("topic", ["a^ORactive=true", "x^EQ", "bat 1", "ü" * 50, "t" * 500, "", "\ud800"])
def test_a_topic_cannot_change_the_question(topic: str) -> None:
    found = correlation_id(topic)
    assert found.isascii()
    assert found.replace("-", "").replace("_", "").isalnum()
    assert 0 < len(found) <= 100
    assert correlation_id(topic) == found != correlation_id(topic + "x")


def test_a_work_note_is_text() -> None:
    with place("servicenow") as at:
        thread = dict(at.channel.send(sending()))
        at.channel.send(sending("key-2", thread=thread, cause="[code]<script>alert(1)</script>[/code] [CODE]x"))
        (note,) = servicenow_of(at).notes
    assert "[code]" not in note.lower()
    assert "[/code]" not in note.lower()


# PagerDuty


def test_a_batch_has_one_alert_which_closes_when_it_is_whole() -> None:
    with place("pagerduty") as at:
        thread = dict(at.channel.send(sending()))
        thread = dict(at.channel.send(sending("key-2", thread=thread)))
        assert list(pagerduty_of(at).open) == ["bat_1"]
        at.channel.send(sending("key-3", thread=thread, what=What.RESOLVED))
        assert not pagerduty_of(at).open
        assert pagerduty_of(at).resolved == ["bat_1"]


def test_a_sample_leaves_no_alert_open() -> None:
    with place("pagerduty") as at:
        at.channel.send(sending(what=What.TEST, topic="test_1", severity=Severity.INFO))
        assert not pagerduty_of(at).open
        assert pagerduty_of(at).resolved == ["test_1"]


@pytest.mark.parametrize("severity", list(Severity))
def test_severity_is_said_in_pagerdutys_words(severity: Severity) -> None:
    with place("pagerduty") as at:
        at.channel.send(sending(severity=severity))
        ((event,),) = pagerduty_of(at).open.values()
        assert event["payload"]["severity"] == severity.value


@pytest.mark.parametrize("topic", ["t" * 255, "t" * 256, "ü", "", " x ", "a\nb", "\ud800"])
def test_a_key_is_one_that_pagerduty_takes(topic: str) -> None:
    found = dedup_key(topic)
    assert 0 < len(found) <= 255
    assert found.isascii()
    assert found == found.strip()
    assert found.isprintable()
    assert dedup_key(topic + "y") != found
