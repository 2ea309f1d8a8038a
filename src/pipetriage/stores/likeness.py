"""How like one failure is to others, by the words that they share. Pure."""

import math
from collections.abc import Mapping, Sequence

LEAST = 0.25
"""Below it two failures are not shown as alike. Ours: the likeness of two failures that share their kind alone."""


def alike(
    mine: Sequence[str], theirs: Mapping[str, Sequence[str]], counts: Mapping[str, int], common: int, limit: int
) -> dict[str, float]:
    """Give the failures that are most alike, and how much: the weight of the words shared, of all that either has.

    A word weighs the more the fewer failures have it (``counts``; one that is not counted is as rare as can be, one
    that ``common`` have weighs nothing).
    """

    def weight(word: str) -> float:
        return math.log(common / min(max(counts.get(word, 1), 1), common))

    own = set(mine)
    likeness = {}
    for name, words in theirs.items():
        other = set(words)
        either = sum(map(weight, own | other))
        value = sum(map(weight, own & other)) / either if either else 0.0
        if value >= LEAST:
            likeness[name] = round(value, 3)
    nearest = sorted(likeness, key=lambda name: (-likeness[name], name))[:limit]
    return {name: likeness[name] for name in nearest}
