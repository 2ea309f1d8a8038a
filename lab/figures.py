"""Turns results into the report's figures. Pure."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.recipes import MODES
from lab.result import Result
from lab.strata import FAULTS, can_happen

STRATA = (
    "mode",
    "format",
    "fault",
    "ending",
    "attempts",
    "earlier attempt",
    "triaged attempt",
    "other writer",
    "stamp",
    "later batches",
    "afterwards",
    "missing",
    "surroundings",
    "contract",
    "control",
    "input",
    "layout",
    "format version",
    "engine retries",
)


@dataclass(frozen=True)
class Coverage:
    """How many of the harmless reruns were called SAFE. Those harmless only by luck are not among them."""

    name: str
    seeds: int
    harmless: int
    safe: int
    fatal: int

    @property
    def share(self) -> float | None:
        """The covered share; None where there was nothing to cover."""
        return self.safe / self.harmless if self.harmless else None


@dataclass(frozen=True)
class Figures:
    """All that the report shows."""

    seeds: int
    verdicts: int
    """Verdicts scored, those with evidence taken away included."""
    outcomes: dict[str, int]
    fatal: list[dict[str, Any]]
    disagreements: list[dict[str, Any]]
    blind: list[int]
    """Seeds in which SAFE was wrong and nothing declared could have shown it."""
    errors: list[dict[str, Any]]
    headline: list[Coverage]
    strata: dict[str, list[Coverage]]
    faults: list[str]
    modes: list[str]
    matrix: dict[str, dict[str, int]]
    """Seeds that exercised each fault in each mode."""
    impossible: list[str]
    """``fault mode`` that do not exist."""
    not_exercised: list[str]
    """``fault mode`` that exist and that no seed drew."""
    removed: list[Coverage]
    lost_rules: list[tuple[str, int, int]]
    """Rule, harmless reruns it kept from SAFE, and how many of those it kept alone."""
    decisions: dict[str, dict[str, int]]
    """harmless, luck, harmful → decision → seeds."""
    luck: dict[str, int]
    shares: dict[str, float]
    seconds: float
    slowest: float
    guards: list[tuple[str, int]]
    """Rule → verdicts in which it alone stood between a harmful rerun and SAFE."""
    example_seeds: dict[str, list[int]] = field(default_factory=dict)
    """Rule → a few seeds whose coverage it alone cost."""

    def to_json(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)


def figures(results: list[Result]) -> Figures:
    """Compute the figures."""
    judged = [one for one in results if one.error is None]
    faults: list[str] = list(FAULTS)
    modes = [f"{fmt} {mode}" for fmt, names in MODES.items() for mode in names]
    matrix: dict[str, dict[str, int]] = {fault: dict.fromkeys(modes, 0) for fault in faults}
    for one in judged:
        matrix[one.facets["fault"]][one.facets["mode"]] += 1
    seconds = [one.seconds for one in results]
    return Figures(
        seeds=len(results),
        verdicts=sum(2 + len(one.ablated) for one in judged),
        outcomes=dict(Counter(one.outcome for one in results).most_common()),
        fatal=[_shown(one) for one in judged if one.outcome == "fatal"],
        disagreements=[_shown(one) for one in judged if one.disagreement],
        blind=[one.seed for one in judged if one.outcome == "blind"],
        errors=[{"seed": one.seed, "error": one.error} for one in results if one.error is not None],
        headline=_headline(judged),
        strata={name: _by(judged, lambda one, name=name: [one.facets[name]]) for name in STRATA},  # type: ignore[misc]
        faults=faults,
        modes=modes,
        matrix=matrix,
        impossible=[f"{fault} {mode}" for fault in faults for mode in modes if not can_happen(fault, mode)],
        not_exercised=[
            f"{fault} {mode}"
            for fault in faults
            for mode in modes
            if can_happen(fault, mode) and not matrix[fault][mode]
        ],
        removed=_removed(judged),
        lost_rules=_lost_rules(judged),
        decisions=_decisions(judged),
        luck=dict(Counter(one.facets["mode"] for one in judged if one.by_luck).most_common()),
        shares=_shares(judged),
        seconds=round(sum(seconds) / max(len(seconds), 1), 3),
        slowest=max(seconds, default=0.0),
        guards=_guards(judged),
        example_seeds=_examples(judged),
    )


def _shown(one: Result) -> dict[str, Any]:
    without = ["+".join(ablated.removed) for ablated in one.ablated if ablated.fatal]
    said = one.fatal or [f"with {len(without)} of the signals taken away"]
    return {
        "seed": one.seed,
        "what": "; ".join(said),
        "without": without,
        "disagreement": one.disagreement,
        "statuses": one.statuses,
        "facets": one.facets,
    }


def coverage(name: str, results: Iterable[Result]) -> Coverage:
    """Cover one group of results."""
    listed = list(results)
    harmless = [one for one in listed if one.rerun_harmless and not one.by_luck]
    return Coverage(
        name=name,
        seeds=len(listed),
        harmless=len(harmless),
        safe=sum(one.decision == "SAFE" for one in harmless),
        fatal=sum(one.outcome == "fatal" for one in listed),
    )


def _headline(results: list[Result]) -> list[Coverage]:
    """Cover what the report begins with; each group is a part of the one that its dots continue."""
    full = [one for one in results if one.facets["signals"] == "full"]
    quiet = [one for one in full if one.facets["surroundings"] == "quiet"]
    allowed = [one for one in quiet if one.facets["contract"] == "allows SAFE"]
    stamps = ("run property", "application id only", "nothing")

    def stamped(group: list[Result], *wanted: str) -> list[Result]:
        return [one for one in group if one.facets["stamp"] in wanted]

    return [
        coverage("all seeds", results),
        coverage("all signals seen", full),
        coverage("… with the run property", stamped(full, "run property")),
        coverage("… without it", stamped(full, *stamps[1:])),
        coverage("… and nobody else at the tables", quiet),
        coverage("… … and a contract whose rules allow SAFE", allowed),
        coverage("… … … with the run property", stamped(allowed, "run property")),
        coverage("… … … without it", stamped(allowed, *stamps[1:])),
        coverage("… … … … the application id only", stamped(allowed, "application id only")),
        coverage("… … … … signed by nobody", stamped(allowed, "nothing")),
    ]


def _by(results: list[Result], keys: Callable[[Result], list[str]]) -> list[Coverage]:
    groups: dict[str, list[Result]] = defaultdict(list)
    for one in results:
        for key in keys(one):
            groups[key].append(one)
    return sorted((coverage(key, group) for key, group in groups.items()), key=lambda one: (-one.seeds, one.name))


def _removed(results: list[Result]) -> list[Coverage]:
    """Cover what was SAFE with everything seen, once a signal is gone."""
    groups: dict[str, list[tuple[Result, str, bool]]] = defaultdict(list)
    for one in results:
        for ablated in one.ablated:
            if len(ablated.removed) == 1:
                groups[ablated.removed[0]].append((one, ablated.decision, ablated.fatal))
    shown = []
    for name, members in groups.items():
        covered = [decision for one, decision, _ in members if one.decision == "SAFE" and one.rerun_harmless]
        fatal = sum(bad for _, _, bad in members)
        shown.append(Coverage(name, len(members), len(covered), sum(one == "SAFE" for one in covered), fatal))
    return sorted(shown, key=lambda one: (one.share if one.share is not None else 2.0, one.name))


def _lost(results: list[Result]) -> list[Result]:
    return [one for one in results if one.rerun_harmless and not one.by_luck and one.decision != "SAFE"]


def _lost_rules(results: list[Result]) -> list[tuple[str, int, int]]:
    named, alone = Counter[str](), Counter[str]()
    for one in _lost(results):
        named.update(one.broken)
        if len(one.broken) == 1:
            alone.update(one.broken)
    return [(rule, count, alone[rule]) for rule, count in named.most_common()]


def _guards(results: list[Result]) -> list[tuple[str, int]]:
    """Count where dropping a rule would have been fatal: so much of it the lab can see."""
    harmful = [one for one in results if not one.rerun_harmless and not one.futile]
    alone = Counter(one.broken[0] for one in harmful if len(one.broken) == 1)
    return alone.most_common()


def _examples(results: list[Result]) -> dict[str, list[int]]:
    seeds: dict[str, list[int]] = defaultdict(list)
    for one in _lost(results):
        if len(one.broken) == 1 and len(seeds[one.broken[0]]) < 5:
            seeds[one.broken[0]].append(one.seed)
    return dict(seeds)


def _decisions(results: list[Result]) -> dict[str, dict[str, int]]:
    kinds = {name: Counter[str]() for name in ("harmless", "harmless by luck", "failed, no change", "harmful")}
    for one in results:
        if one.rerun_harmless:
            kind = "harmless by luck" if one.by_luck else "harmless"
        else:
            kind = "failed, no change" if one.futile else "harmful"
        kinds[kind][one.decision] += 1
    return {kind: {word: counts[word] for word in ("SAFE", "UNKNOWN", "UNSAFE")} for kind, counts in kinds.items()}


def _shares(results: list[Result]) -> dict[str, float]:
    """Say how often what makes a lab hard was there."""
    count = max(len(results), 1)
    return {
        "another writer in the window": round(
            sum(bool(one.acted) and one.facets["in the window"] == "yes" for one in results) / count, 3
        ),
        "no run property": round(sum(one.facets["stamp"] != "run property" for one in results) / count, 3),
        "a later batch": round(sum(one.facets["later batches"] != "0" for one in results) / count, 3),
        "a signal missing": round(sum(one.facets["missing"] != "none" for one in results) / count, 3),
        "several attempts": round(sum(one.facets["attempts"] != "1" for one in results) / count, 3),
    }
