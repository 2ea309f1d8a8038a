"""The list of cases, filtered by style sheet alone."""

from collections.abc import Callable, Sequence

from pipetriage.evaluation.compare import describe
from pipetriage.evaluation.html.charts import SHORT_NAMES
from pipetriage.evaluation.junit import failure_reason, label_words
from pipetriage.evaluation.row import Row
from pipetriage.evaluation.written import for_html
from pipetriage.model.write_state import RerunDecision


def lost_rerun(row: Row) -> bool:
    """Is a rerun harmless, and not called SAFE?"""
    return row.rerun_harmless is True and row.rerun is not RerunDecision.SAFE


# What can be wrong with a case, worst first: class, name, test.
_KINDS: tuple[tuple[str, str, Callable[[Row], bool]], ...] = (
    ("fatal", "Fatal", lambda row: row.fatal),
    ("failed", "No verdict", lambda row: row.error is not None),
    ("wrong", "Wrong category", lambda row: not row.acceptable and row.error is None),
    ("lost-retry", "Lost retry", lambda row: row.lost_retry),
    ("lost-rerun", "Harmless, not SAFE", lambda row: lost_rerun(row) and row.error is None),
    ("inexact", "Acceptable, not exact", lambda row: row.acceptable and not row.exact),
)
KIND_FILTERS = (("kind-any", "any"), *((f"kind-{name}", name) for name, _, _ in _KINDS))
CATEGORY_FILTERS = tuple((f"of-{name}", f"is-{name}") for name in SHORT_NAMES)


def case_list(rows: Sequence[Row]) -> str:
    """Give the filters and every case that is not all right."""
    shown = [(row, [kind for kind, _, is_so in _KINDS if is_so(row)]) for row in rows]
    shown = sorted((one for one in shown if one[1]), key=lambda one: [kind not in one[1] for kind, _, _ in _KINDS])
    if not shown:
        return "<p>Every case is right in category, retry and rerun.</p>"
    kinds = [("kind-any", f"Any {len(shown)}")]
    kinds += [
        (f"kind-{kind}", f"{name} {count}") for kind, name, _ in _KINDS if (count := sum(kind in ks for _, ks in shown))
    ]
    expected = {row.expected_category.value for row, _ in shown if row.expected_category is not None}
    categories = [("of-all", "Any")]
    categories += [(f"of-{name}", short) for name, short in SHORT_NAMES.items() if name in expected]
    cases = "".join(_case(row, its_kinds) for row, its_kinds in shown)
    return (
        f'<div class="filter"><span>What is wrong</span>{_radios("kind", kinds)}<br><span>Expected</span>'
        f'{_radios("of", categories)}<div class="cases">{cases}</div></div>'
    )


def _radios(group: str, choices: Sequence[tuple[str, str]]) -> str:
    return "".join(
        f'<input type="radio" name="{group}" id="{name}"{" checked" if at == 0 else ""}>'
        f'<label for="{name}">{for_html(label)}</label>'
        for at, (name, label) in enumerate(choices)
    )


def _case(row: Row, kinds: Sequence[str]) -> str:
    expected = f"is-{row.expected_category.value}" if row.expected_category is not None else ""
    badges = "".join(
        f'<span class="badge{" no" if kind in ("fatal", "failed", "wrong") else ""}">{for_html(name)}</span>'
        for kind, name, _ in _KINDS
        if kind in kinds
    )
    confidence = "" if row.confidence is None else f"confidence {row.confidence:.2f}"
    about = " · ".join(part for part in (row.split or "", row.family or "", confidence) if part)
    accepted = ", ".join(row.acceptable_categories) or "unreadable"
    facts = (
        ("problem", failure_reason(row)),
        ("label", f"{accepted}; {label_words(row)}"),
        ("verdict", describe(row) if row.error is None else ""),
        ("cause", row.likely_root_cause),
        ("rule", row.why),
        ("repeats", _repeats(row)),
        ("notes", row.notes),
    )
    listed = "".join(f"<dt>{name}</dt><dd>{for_html(text)}</dd>" for name, text in facts if text)
    return (
        f'<article class="case any {" ".join(kinds)} {expected}"><header><code>{for_html(row.case)}</code>{badges}'
        f'<span class="small">{for_html(about)}</span></header><dl>{listed}</dl></article>'
    )


def _repeats(row: Row) -> str:
    if row.repeats is None:
        return ""
    one = row.repeats
    shares = f"category agrees in {one.category_agreement:.0%}, retry in {one.retry_agreement:.0%} of {one.repeats}"
    if one.confidence_min is None or one.confidence_max is None:
        return shares
    return f"{shares}, confidence {one.confidence_min:.2f} to {one.confidence_max:.2f}"
