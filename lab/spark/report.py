"""What the seeds showed, in text."""

from collections import Counter
from pathlib import Path

import yaml

from lab.spark.labels import EXPIRED, LUCK, case_name, labels, lucky
from lab.spark.seed import Result
from lab.spark.triage import Verdict, triage_bundle


def fatal(result: Result) -> bool:
    """Whether the tool called safe what was not, live or from the bundle."""
    expected = labels(result)
    return any(
        (one.rerun == "SAFE" and not result.rerun_harmless) or (one.safe_to_retry and not expected["safe_to_retry"])
        for one in (result.live, result.bundle)
    )


def line_of(result: Result) -> str:
    """Write one seed's outcome on a line, and what broke on the next."""
    expected, verdict = labels(result), result.live
    harmless = "harmless" if result.rerun_harmless else "HARMFUL"
    marks = [
        *(["FATAL"] if fatal(result) else []),
        *(["lost"] if result.rerun_harmless and verdict.rerun != "SAFE" else []),
        *(["category"] if verdict.category not in expected["acceptable_categories"] else []),
        *(["retry"] if verdict.safe_to_retry != expected["safe_to_retry"] else []),
        *(["DISAGREE"] if result.live.compared != result.bundle.compared else []),
    ]
    line = (
        f"{case_name(result)}: {harmless}, {verdict.rerun}, {verdict.category}/{verdict.mode}, "
        f"retry {verdict.safe_to_retry}, {result.seconds} s  {' '.join(marks)}"
    )
    return line + (f"\n    {'; '.join(verdict.broken)[:400]}" if marks and verdict.broken else "")


def summary(results: list[Result]) -> str:
    """Count over all seeds."""
    counted = [one for one in results if not lucky(one) and one.scenario.afterwards != "expiry"]
    harmless = [one for one in counted if one.rerun_harmless]
    safe = [one for one in harmless if one.live.rerun == "SAFE"]
    by = Counter((one.scenario.mode, one.scenario.fault) for one in results)
    lost = Counter(rule for one in harmless if one.live.rerun != "SAFE" for rule in _rules(one.live))
    share = f"{len(safe)}/{len(harmless)} = {len(safe) / len(harmless):.2f}" if harmless else "none"
    lines = [
        f"{len(results)} seeds, {sum(map(fatal, results))} fatal, "
        f"{sum(not one.rerun_harmless for one in results)} harmful reruns, {sum(map(lucky, results))} harmless by luck",
        f"harmless reruns with full signals called SAFE: {share}",
        "lost by rule: " + ", ".join(f"{rule} {count}" for rule, count in lost.most_common()),
        "by mode and fault: " + ", ".join(f"{mode}/{fault} {count}" for (mode, fault), count in sorted(by.items())),
    ]
    return "\n".join(lines)


def _rules(verdict: Verdict) -> set[str]:
    return {one.split(":")[0] for one in verdict.broken}


def judge(cases: Path) -> str:
    """Triage kept cases with the tool as it is now, and say where it differs from their labels."""
    lines, harmless, safe, fatals = [], 0, 0, 0
    for case in sorted(path.parent for path in cases.glob("spark_*/expected.yaml")):
        expected = yaml.safe_load((case / "expected.yaml").read_text(encoding="utf-8"))
        verdict = triage_bundle(case)
        called = verdict.rerun == "SAFE"
        wrong = (called and not expected["rerun_harmless"]) or (verdict.safe_to_retry and not expected["safe_to_retry"])
        full = not any(word in expected["notes"] for word in (LUCK, EXPIRED))
        counts = expected["rerun_harmless"] and full
        harmless, safe, fatals = harmless + counts, safe + (counts and called), fatals + wrong
        marks = [
            *(["FATAL"] if wrong else []),
            *(["lost"] if counts and not called else []),
            *(["category"] if verdict.category not in expected["acceptable_categories"] else []),
            *(["retry"] if verdict.safe_to_retry != expected["safe_to_retry"] else []),
        ]
        if marks:
            lines.append(f"{case.name}: {verdict.rerun}, {verdict.category}/{verdict.mode}  {' '.join(marks)}")
            lines += [f"    {one[:300]}" for one in verdict.broken]
    return "\n".join([*lines, f"{fatals} fatal, {safe} of {harmless} harmless reruns are called SAFE"])
