"""The JUnit XML that build servers read: a test a case."""

from collections.abc import Sequence
from xml.etree import ElementTree

from pipetriage.evaluation.compare import describe
from pipetriage.evaluation.row import Row
from pipetriage.evaluation.written import for_xml


def to_junit(rows: Sequence[Row]) -> bytes:
    """Encode as JUnit XML. A fatal miss or a category that is not acceptable fails; no verdict is an error.

    A lost retry is no failure: it is counted in ``safe_retry_coverage``.
    """
    errors = sum(row.error is not None for row in rows)
    failures = sum(row.error is None and (row.fatal or not row.acceptable) for row in rows)
    totals = {
        "tests": str(len(rows)),
        "failures": str(failures),
        "errors": str(errors),
        "time": f"{sum(row.seconds or 0.0 for row in rows):.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": "pipetriage evaluate", **totals})
    suite = ElementTree.SubElement(root, "testsuite", {"name": "pipetriage evaluate", **totals})
    for row in rows:
        _add(suite, row)
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _add(suite: ElementTree.Element, row: Row) -> None:
    attributes = {"name": for_xml(row.case), "classname": f"cases.{row.split or 'unsplit'}"}
    case = ElementTree.SubElement(suite, "testcase", {**attributes, "time": f"{row.seconds or 0.0:.3f}"})
    if row.error is not None:
        ElementTree.SubElement(case, "error", {"message": for_xml(row.error), "type": "NoVerdict"})
        return
    if not row.fatal and row.acceptable:
        return
    kind = "FatalMiss" if row.fatal else "WrongCategory"
    failure = ElementTree.SubElement(case, "failure", {"message": for_xml(failure_reason(row)), "type": kind})
    failure.text = for_xml("\n".join(_details(row)))


def failure_reason(row: Row) -> str:
    """Say in one line what is wrong with a row; empty when nothing is."""
    reasons = list(row.fatal_reasons)
    if row.error is not None:
        reasons.append(row.error)
    elif not row.acceptable:
        accepted = " or ".join(row.acceptable_categories)
        reasons.append(f"the category is {accepted}, not {row.failure_category or 'unknown'}")
    return "; ".join(reasons)


def _details(row: Row) -> list[str]:
    return [
        f"verdict: {describe(row)}, confidence {row.confidence}",
        f"cause: {row.likely_root_cause}",
        f"rule: {row.why or 'every rule holds'}",
        f"label: {', '.join(row.acceptable_categories)}; {label_words(row)}",
        f"notes: {row.notes}",
    ]


def label_words(row: Row) -> str:
    """Say what the label knows of retry and rerun."""
    words = {True: "yes", False: "no", None: "not known"}
    return f"safe to retry: {words[row.expected_safe_to_retry]}, rerun harmless: {words[row.rerun_harmless]}"
