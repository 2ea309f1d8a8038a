"""Properties: taking evidence away, or adding what has nothing to do with the run, never makes anything safe."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.building_bundles import OVERWRITE, bundle, good_run, minute, run, snapshot, triage, unstamped

LATER = [good_run(), run(), run("jr_2", at=minute(30), state="SUCCEEDED", batch="2026-11-22")]
NOT_SAFE = {
    "half an append": lambda *more: bundle(snapshot(2, 5, "eu", operation="append"), *more),
    "an unclear commit": lambda *more: bundle(unstamped(2, 5, "eu"), *more, declared=OVERWRITE),
    "a later batch": lambda *more: bundle(
        snapshot(2, 5, "eu"),
        snapshot(3, 35, "eu", stamp={"batch_id": "2026-11-22"}),
        *more,
        declared=OVERWRITE,
        runs=LATER,
    ),
    "in flight": lambda *more: bundle(*more, this_run=run(state="RUNNING")),
    "a retry is due": lambda *more: bundle(
        *more, files={"glue/job.json": {"Job": {"Name": "orders", "MaxRetries": 3}}}
    ),
}
SAID = (
    "INFO Connected to Spark cluster with app ID spark-application-1700000000000",
    "INFO nothing was written",
    "WARN NativeCodeLoader: Unable to load native-hadoop library",
    "ERROR ThrottlingException: Rate exceeded",
)


def judged(files: dict[str, Any]) -> tuple[str, bool]:
    with tempfile.TemporaryDirectory() as folder:
        incident = triage(Path(folder), files)
    return str(incident.rerun.decision), incident.safe_to_retry


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(NOT_SAFE)), st.data())
def test_removing_evidence_never_makes_it_safe(name: str, data: st.DataObject) -> None:
    files = NOT_SAFE[name]()
    gone = data.draw(st.sets(st.sampled_from(sorted(files.keys() - {"bundle.json"}))))
    for path in sorted(files.keys() - gone):
        if path.startswith("logs/") and files[path]:
            files[path] = data.draw(st.lists(st.sampled_from(files[path]), unique_by=str))
    decision, safe = judged({path: content for path, content in files.items() if path not in gone})
    assert decision != "SAFE"
    assert not safe


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(NOT_SAFE)), st.lists(st.sampled_from(SAID), max_size=3), st.integers(1, 45))
def test_adding_what_is_unrelated_never_makes_it_safe(name: str, said: list[str], at: int) -> None:
    number = {"half an append": 3, "an unclear commit": 3, "a later batch": 4}.get(name, 2)
    files = NOT_SAFE[name](unstamped(number, at, "za"))
    stream = files["logs/error/jr_now.jsonl"]
    stream += [
        {"timestamp": one["timestamp"], "message": line, "logStreamName": "x"}
        for one, line in zip(stream, said, strict=False)
    ]
    decision, safe = judged(files)
    assert decision != "SAFE"
    assert not safe
