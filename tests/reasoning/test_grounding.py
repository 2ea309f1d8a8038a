"""Claims are held against the evidence that they cite: names and numbers, letter for letter."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.proposal import Answer, Claim, Hypothesis
from pipetriage.reasoning.grounding import checkable, ground
from pipetriage.reasoning.request import Shown

SHOWN = {
    "e1": Shown(
        evidence="log-1",
        text="ClientError: An error occurred (ThrottlingException) when calling the GetParameter operation "
        "(reached max retries: 4): Rate exceeded\nin services.py:70 in call_service",
    ),
    "e2": Shown(
        evidence="snapshot:3669898279100349263",
        text="sales.orders: snapshot 3669898279100349263, append, 2026-11-24 21:13:35 UTC, 1,204 records added",
    ),
    "e3": Shown(evidence="log-2", text="java.lang.OutOfMemoryError: Java heap space\n[UNRESOLVED_COLUMN] `home_store`"),
    "e4": Shown(
        evidence="log-3",
        text="KeyError: 'points'\nin < module>, array< string>\nexit code -9, 3 of 12 in prod-payments-eu1",
    ),
}


def answer(*claims: tuple[str, tuple[str, ...]], root: str = "", hypotheses: tuple[Hypothesis, ...] = ()) -> Answer:
    return Answer(
        category=Category.UNKNOWN,
        failure_mode=FailureMode.TRANSIENT_SERVICE,
        root_cause=root,
        claims=tuple(Claim(text=text, evidence=cited) for text, cited in claims),
        safe_to_retry=False,
        confidence=0.9,
        hypotheses=hypotheses,
    )


def holds(text: str, *cited: str) -> bool:
    grounded, counted = ground(answer((text, cited)), SHOWN)
    assert counted.claims == 1
    assert counted.supported + counted.cut == 1
    return bool(grounded.claims)


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("GetParameter was throttled (ThrottlingException).", "e1"),
        ("It gave up after 4 retries, at services.py:70.", "e1"),
        ("1204 records reached sales.orders.", "e2"),
        ("1,204 records reached `sales.orders`.", "e2"),
        ("Snapshot 3669898279100349263 was appended.", "e2"),
        ("An OutOfMemoryError ended it.", "e3"),
        ("A java.lang.OutOfMemoryError ended it.", "e3"),
        ("The column 'home_store' is not there.", "e3"),
        ("Spark's error is UNRESOLVED_COLUMN, and it isn't a warning.", "e3"),
        ("[e1] names ThrottlingException.", "e1"),
        ("e1 and [e3] name ThrottlingException.", "e1"),
        ("KeyError, in '<module>', on 'array<string>'.", "e4"),
        ("KeyError\u2014exit code \u22129, 3 of 12.", "e4"),
        ("KeyError: out-of-memory it was not.", "e4"),
        ("KeyError in prod\u2011payments\u2011eu1.", "e4"),  # a model's hyphens
    ],
)
def test_a_claim_that_repeats_what_its_evidence_says_stands(text: str, cited: str) -> None:
    assert holds(text, cited)


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("GetParameter was throttled (ThrottlingException).", "e2"),  # true of another
        ("ThrottlingException, and 0 of 12 partitions were written.", "e1"),
        ("The run wrote nothing.", "e1"),  # nothing to check
        ("sales.order_items was appended to.", "e2"),
        ("hr.orders was appended to.", "e2"),
        ("A NullPointerException ended it.", "e3"),
        ("36698982791003492 is the snapshot.", "e2"),  # a part of a number is another number
        ("204 records were added.", "e2"),
        ("A MemoryError ended it: OutOfMemory.", "e3"),
        ("ThrottlingException", "e999"),
        ("KeyError; in the Value\u00adError", "e4"),  # what a terminal strips
        ("KeyError; in the Value\ufe0fError", "e4"),
        ("KeyError; in the V\u200balueError", "e4"),
        ("KeyError; in the Value\u0336Error", "e4"),
        ("KeyError; in the Value\u3164Error", "e4"),
        ("KeyError; in the Valu\u0435Error", "e4"),  # one letter of it is Cyrillic
        ("KeyError; in the \uff36alueError", "e4"),  # wide
        ("com.bank.Prod.KeyError ended it.", "e4"),  # the package is invented
        ("KeyError in prod-payments-bucket", "e4"),
        ("KeyError in payments-2", "e4"),
        ("KeyError in payments-e1-eu", "e4"),
        ("KeyError, says [e99].", "e4"),
        ("KeyError on e500.", "e4"),
        ("KeyError, \u00b2 times", "e4"),
        ("KeyError in \u00bd of it", "e4"),
        ("KeyError in \u00bc of it (3 of 12)", "e4"),
        ("KeyError, exit code \u221212", "e4"),
        ("KeyError, exit code -12", "e4"),
        ("KeyError, \u0663 times", "e4"),  # an Arabic three
        ("ThrottlingException", "log-1"),  # the real id was never shown
    ],
)
def test_a_claim_that_its_evidence_does_not_hold_is_cut(text: str, cited: str) -> None:
    assert not holds(text, cited)


def test_several_pieces_of_evidence_support_a_claim_together() -> None:
    text = "ThrottlingException after sales.orders was appended to."
    assert holds(text, "e1", "e2")
    assert not holds(text, "e1")


def test_what_stands_is_cited_by_the_real_ids_and_what_does_not_is_counted() -> None:
    said = answer(
        ("ThrottlingException, says [e1].", ("e1", "e2", "e77")),
        ("All 12 partitions are there.", ("e2",)),
        root="GetParameter was throttled",
        hypotheses=(
            Hypothesis(category=Category.DATA_SKEW, why="OutOfMemoryError", evidence=("e3",)),
            Hypothesis(category=Category.SOURCE_DELAY, why="the path is late", evidence=("e3",)),
        ),
    )
    grounded, counted = ground(said, SHOWN)
    assert [(one.text, one.evidence) for one in grounded.claims] == [
        ("ThrottlingException, says [log-1].", ("log-1", "snapshot:3669898279100349263"))
    ]
    assert [one.evidence for one in grounded.hypotheses] == [("log-2",)]
    assert grounded.root_cause == "GetParameter was throttled"
    assert (counted.claims, counted.supported, counted.cut) == (5, 3, 2)


def test_a_claim_that_is_repeated_counts_once() -> None:
    _, counted = ground(answer(*[("ThrottlingException", ("e1",))] * 4), SHOWN)
    assert (counted.claims, counted.supported) == (1, 1)


def test_a_root_cause_is_held_against_what_the_supported_claims_cite() -> None:
    grounded, _ = ground(answer(("ThrottlingException", ("e1",)), root="An OutOfMemoryError ended it"), SHOWN)
    assert grounded.root_cause == ""


def test_words_of_the_question_itself_prove_nothing() -> None:
    assert not checkable("It is PERMISSION_ERROR, IAM_DENIED, as e1 shows.", SHOWN)
    assert checkable("as e77 shows.", SHOWN)


def test_what_is_shown_is_what_was_checked() -> None:
    said = answer(
        ("Key\u00adError\r\non \u2018points\u2019\x1b", ("e4",)),
        root="\uff2beyError\nended it",
        hypotheses=(Hypothesis(category=Category.DATA_SKEW, why="a\nKeyError", evidence=("e4",)),),
    )
    grounded, _ = ground(said, SHOWN)
    assert [one.text for one in grounded.claims] == ["KeyError on \u2018points\u2019"]
    assert [one.why for one in grounded.hypotheses] == ["a KeyError"]
    assert grounded.root_cause == "KeyError ended it"


@given(st.text(max_size=400), st.lists(st.sampled_from([*SHOWN, "e9"]), max_size=4))
def test_any_text_is_judged_and_what_stands_names_nothing_that_was_not_shown(text: str, cited: list[str]) -> None:
    grounded, _ = ground(answer((text, tuple(cited))), SHOWN)
    for claim in grounded.claims:
        held = "\n".join(one.text for one in SHOWN.values()).lower()
        assert all(term.lower().replace(",", "") in held.replace(",", "") for term in checkable(claim.text, ["log-1"]))
        assert set(claim.evidence) <= {one.evidence for one in SHOWN.values()}


def test_a_long_claim_takes_no_longer_than_its_length() -> None:
    began = time.perf_counter()
    for hostile in ("a_" * 200_000, "'" * 400_000, "1," * 200_000, "A." * 200_000, "$" * 400_000):
        ground(answer((hostile, ("e1",))), SHOWN)
    assert time.perf_counter() - began < 10
