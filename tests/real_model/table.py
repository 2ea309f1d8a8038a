"""What is printed at the end: every answer, and how right the model was. None of it is asserted."""

from collections.abc import Iterator, Sequence

from pipetriage.model.opinion import Stance
from tests.real_model.asking import Line


def table(lines: Sequence[Line]) -> Iterator[str]:
    """Write a row for each bundle that the model was asked about."""
    yield (
        f"{'case':52} {'expected':19} {'rules':19} {'model':40} {'safe r/m/out':13} {'stance':16} {'grounded':8} "
        f"{'asked':5} {'in':>5} {'est.':>5} {'out':>5} {'s':>6}"
    )
    for one in lines:
        told, opinion, grounding = one.told, one.told.opinion, one.told.merged.grounding
        fault = f"{opinion.failures[-1].fault}" if opinion.failures else "-"
        said = f"{opinion.failure_category}/{opinion.failure_mode}" if opinion.failure_category else f"({fault})"
        safe = "/".join(
            _yes(flag) for flag in (told.rules.safe_to_retry, opinion.safe_to_retry, told.merged.safe_to_retry)
        )
        held = f"{grounding.supported}/{grounding.claims}" if grounding else "-"
        read, written = (sum(counts) for counts in zip(*told.requests, strict=True)) if told.requests else (0, 0)
        yield (
            f"{one.kind + ' ' + one.case:52.52} {one.expected:19} {told.rules.failure_category:19} {said:40.40} "
            f"{safe:13} {opinion.stance:16} {held:8} {len(told.requests):5} {read:5} {told.estimate:5} {written:5} "
            f"{told.seconds:6.1f}"
        )


def summary(lines: Sequence[Line]) -> Iterator[str]:
    """Write what the rows come to, for the cases as they are and for the injected ones."""
    for kind in dict.fromkeys(one.kind for one in lines):
        among = [one for one in lines if one.kind == kind]
        answers = [one for one in among if one.told.opinion.stance is not Stance.NO_ANSWER]
        right = sum(str(one.told.opinion.failure_category) in one.acceptable for one in answers)
        rules = sum(str(one.told.rules.failure_category) in one.acceptable for one in among)
        merged = sum(str(one.told.merged.failure_category) in one.acceptable for one in among)
        said_safe = sum(bool(one.told.opinion.safe_to_retry) for one in answers)
        wrongly = sum(bool(one.told.opinion.safe_to_retry) and not one.told.rules.safe_to_retry for one in answers)
        held = [one.told.merged.grounding for one in answers if one.told.merged.grounding is not None]
        requests = [request for one in among for request in one.told.requests]
        seconds = sorted(one.told.seconds for one in among)
        yield (
            f"{kind} {len(among)} asked, {len(answers)} answered in the accepted form; category right: model {right}, "
            f"rules {rules}, together {merged}; said safe {said_safe} times, {wrongly} of them where the rules say no; "
            f"grounded {sum(one.supported for one in held)} of {sum(one.claims for one in held)} statements; "
            f"{len(requests)} requests, {sum(one.input_tokens for one in requests)} tokens in, "
            f"{sum(one.output_tokens for one in requests)} out; "
            f"{seconds[len(seconds) // 2]:.0f} s the median, {seconds[-1]:.0f} s the longest"
        )


def _yes(flag: bool | None) -> str:
    return "-" if flag is None else "yes" if flag else "no"
