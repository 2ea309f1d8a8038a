"""Numbers that fit two causes decide for neither."""

from pipetriage.model.categories import Category, FailureMode
from pipetriage.model.write_state import Rerun, RerunDecision
from pipetriage.verdict.cause import choose_cause
from tests.building import make_context, make_run
from tests.detectors.building_stages import MIB, spark, tiny_reads, unended, wrote
from tests.detectors.judging import findings


def test_a_hot_task_and_tiny_files_that_both_took_the_time_are_no_cause() -> None:
    hot = wrote(39_000 + 5_000_000, 39 * 102_400 + 600 * MIB)
    context = make_context(run=make_run("TIMEOUT"), spark=spark(hot, unended(), tiny_reads()))
    rerun = Rerun(decision=RerunDecision.SAFE, reasons=[], wait_for=None, retry_after_seconds=None)
    cause = choose_cause(context, findings(context), [], rerun)
    assert (cause.category, cause.mode) == (Category.UNKNOWN, FailureMode.CONFLICTING_EVIDENCE)
    assert {one.category for one in cause.alternatives} == {Category.DATA_SKEW, Category.SMALL_FILE_PRESSURE}
