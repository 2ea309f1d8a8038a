"""Every channel's limits hold for whatever text comes, and nothing that is cut is cut in silence."""

import json
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pipetriage.model.message import Message, What
from pipetriage.notifiers import slack_blocks, teams, wording
from pipetriage.notifiers.email_documents import mail
from pipetriage.notifiers.jira_documents import description, note, summary
from pipetriage.notifiers.pagerduty import triggered
from pipetriage.notifiers.servicenow import _head
from pipetriage.notifiers.webhook import LONGEST, event
from tests.notifiers.messages import message
from tests.notifiers.places import sending
from tests.notifiers.vendors import assert_blocks, by_schema

HOSTILE = [
    "😀" * 3000,
    "مرحبا \u202e reversed \u2066 isolated",
    "\ud800 half \udfff",
    "nul \x00 and escape \x1b]0;title\x07 \x1b[31mred",
    "]]> <![CDATA[ </script> &amp;",
    "&" * 40_000,
    "<" * 40_000,
    '"\\' * 20_000,
    "{{DATE(2026-01-01)}} ${x} @{triggerBody()}",
    "z\u0301" * 5000,
    "\u200b\u200d\ufeff",
    "",
    " ",
    "x" * 1_000_000,
    "line\n" * 10_000,
    "<!channel> <@U1> [a](javascript:x) [~user] {code} [code]x[/code]",
]

texts = st.one_of(
    st.sampled_from([text[:1500] for text in HOSTILE]),
    st.text(max_size=200),
    st.text(alphabet=st.characters(), max_size=50),
)
lists = st.lists(texts, max_size=40)
messages = st.builds(
    message,
    what=st.sampled_from(list(What)),
    topic=texts,
    title=texts,
    verdict=texts,
    cause=texts,
    why=lists,
    written=lists,
    exposed=lists,
    earlier=lists,
    next_step=texts,
    approver=st.none() | texts,
    recurrence=st.none() | texts,
    because=texts,
    acknowledged=st.none() | texts,
    queue=texts,
    owner=st.none() | texts,
    link=st.none() | texts | st.just("https://triage.example/incidents/inc_1"),
    incident_id=texts,
    pipeline=texts,
    batch_id=st.none() | texts,
    job_run_id=texts,
    status=texts,
    table=st.none() | texts,
    fingerprint=texts,
    svg=texts,
)
WORST = message(
    **dict.fromkeys(("title", "verdict", "cause", "next_step", "approver", "because", "status"), "&😀<" * 100000),
    **{name: [*HOSTILE, *["&😀<" * 100_000] * 50] for name in ("why", "written", "exposed", "earlier")},
    job_run_id="&" * 9999,
    recurrence="😀" * 9999,
)

# Without shrinking: making texts of megabytes smaller takes minutes, and the first one found tells enough.
checked = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)


def strings(found: Any) -> list[str]:
    if isinstance(found, str):
        return [found]
    children = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
    return [one for child in children for one in strings(child)]


def assert_plain(texts: list[str]) -> None:
    for text in texts:
        bad = [char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char != "\n"]
        assert not bad


@checked
@given(messages)
def test_slack(one: Message) -> None:
    _slack(one)


def _slack(one: Message) -> None:
    blocks = slack_blocks.head(one, buttons=True)
    assert_blocks(blocks)
    assert_plain(strings(blocks))
    assert sum(len(text) for text in strings(blocks)) < 13_000 + 12 * 2000
    reply = slack_blocks.below(one)
    assert_blocks([slack_blocks.text_block(reply)])
    assert len(slack_blocks.summary(one)) <= 280 * 5
    # A header is of plain text, and a button's value is shown to nobody: Slack looks for nothing in either.
    marked = [block.get("text", block.get("elements")) for block in blocks if block["type"] in ("section", "context")]
    for text in (*strings(marked), reply, slack_blocks.summary(one)):
        assert "<" not in text


def test_a_reply_in_slack_of_nothing_but_what_is_escaped() -> None:
    worst = "&" * 5000
    _slack(message(job_run_id=worst, verdict=worst, cause=worst, next_step=worst, approver=worst))


@checked
@given(messages)
def test_teams(one: Message) -> None:
    _teams(one)


def _teams(one: Message) -> None:
    found = teams.request(one)
    assert len(json.dumps(found, ensure_ascii=False).encode()) <= 20 * 1024
    by_schema("adaptive-card-1.4.json").validate(found["attachments"][0]["content"])
    assert_plain(strings(found))
    # Markdown is of text blocks alone; runs have none.
    assert {block["type"] for block in found["attachments"][0]["content"]["body"]} == {"RichTextBlock"}


@settings(checked, max_examples=25)  # Atlassian's schema takes a tenth of a second for each
@given(messages)
def test_jira(one: Message) -> None:
    _jira(one)


def _jira(one: Message) -> None:
    assert 0 < wording.units(summary(one)) <= 255
    for document in (description(one), note(one, "key")):
        by_schema("adf-full.json").validate(document)
        assert len(json.dumps(document, ensure_ascii=False)) <= 32_767
        assert_plain(strings(document))


@checked
@given(messages)
def test_servicenow(one: Message) -> None:
    _servicenow(one)


def _servicenow(one: Message) -> None:
    fields = _head(one)
    assert 0 < wording.units(fields["short_description"]) <= 160
    assert wording.units(fields["description"]) <= 4000
    assert_plain(strings(fields))
    assert "[code]" not in fields["description"].lower()


@checked
@given(messages)
def test_pagerduty(one: Message) -> None:
    _pagerduty(one)


def _pagerduty(one: Message) -> None:
    found = triggered(one, "pipetriage")
    assert 0 < wording.units(found["payload"]["summary"]) <= 1024
    assert 0 < len(found["dedup_key"]) <= 255
    assert len(json.dumps(found).encode()) <= 512 * 1024
    assert_plain(strings({**found, "dedup_key": ""}))


@checked
@given(messages)
def test_webhook(one: Message) -> None:
    _webhook(one)


def _webhook(one: Message) -> None:
    body = event(one, "key-1")
    assert len(body) <= LONGEST
    by_schema("cloudevents-1.0.json").validate(json.loads(body))
    assert_plain(strings(json.loads(body)))


@checked
@given(messages)
def test_mail(one: Message) -> None:
    _mail(one)


def _mail(one: Message) -> None:
    found = mail(
        sending(**{name: getattr(one, name) for name in one.__struct_fields__}), "a@example.com", ["b@example.com"]
    )
    written = bytes(found)
    head = written.partition(b"\r\n\r\n")[0]
    # RFC 5322, 2.1.1: no line has more than 998 octets; a receiver may refuse longer ones.
    assert max(len(line) for line in written.split(b"\r\n")) <= 998
    assert head.count(b"\nSubject:") == 1
    assert head.count(b"\nTo:") == 1
    assert b"Bcc" not in head
    assert_plain([str(found["Subject"])])


CHANNELS = [_slack, _teams, _jira, _servicenow, _pagerduty, _webhook, _mail]


@pytest.mark.parametrize("check", CHANNELS)
def test_the_worst_of_all_fits_and_is_laid_out_in_no_time(check: Any) -> None:
    began = time.monotonic()
    check(WORST)
    assert time.monotonic() - began < 5.0


def test_what_was_cut_says_where_the_whole_is() -> None:
    long = message(why=["why " * 1000] * 30)
    for found in (
        json.dumps(slack_blocks.head(long, buttons=False)),
        json.dumps(teams.request(long)),
        json.dumps(description(long)),
        _head(long)["description"],
        event(long, "key").decode(),
        str(mail(sending(why=long.why), "a@example.com", ["b@example.com"])),
    ):
        assert "https://triage.example/incidents/inc_1" in found
        assert "hortened" in found


def test_lines_that_were_left_out_are_counted() -> None:
    words = wording.say(message(why=[f"reason {number}" for number in range(30)]))
    assert words.shortened
    assert words.sections[0].lines[-1] == "and 18 more"


def test_what_was_not_cut_does_not_say_so() -> None:
    assert "hortened" not in json.dumps(slack_blocks.head(message(), buttons=False))
    assert not wording.say(message()).shortened


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(2, 100))
def test_plain_text_is_within_its_limit_and_made_plain_once(text: str, most: int) -> None:
    found = wording.plain(text, most)
    assert wording.units(found) <= most
    assert wording.units(found) == len(found.encode("utf-16-le")) // 2
    assert wording.plain(found, most) == found


def test_text_is_cut_between_characters() -> None:
    assert wording.cut("😀😀😀", 4) == "😀…"
    assert wording.cut("abc", 3) == "abc"
    assert wording.cut("abcd", 3) == "ab…"
