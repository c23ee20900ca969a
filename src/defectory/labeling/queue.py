"""The images to ask about next: several strategies in one queue, each with its share."""

from collections.abc import Mapping
from dataclasses import dataclass

from defectory.domain import ParameterError
from defectory.labeling.candidates import Candidates
from defectory.labeling.strategies import BY_NAME

STRATEGIES: tuple[str, ...] = tuple(BY_NAME)
"""Names of the strategies."""

DEFAULT_MIX: Mapping[str, float] = {
    "near-threshold": 0.4,
    "likely-defect": 0.2,
    "suspected": 0.15,
    "holds-threshold": 0.05,
    "random": 0.2,
}
"""Strategy -> its share of a queue.

Likely defects, images near the threshold and suspected ones teach most; diverse ones and disagreements bring
less than random ones in the end (`benchmarks review`): these are asked about on request.
"""


@dataclass(frozen=True)
class QueueEntry:
    """An image to ask about.

    Attributes
    ----------
    index : place among the candidates
    strategy : that chose it, one of STRATEGIES
    reason : why, a plain sentence
    """

    index: int
    strategy: str
    reason: str


def make_queue(
    candidates: Candidates,
    n: int,
    *,
    mix: Mapping[str, float] = DEFAULT_MIX,
    seed: int = 0,
) -> list[QueueEntry]:
    """Return the next images to ask about, each image and each group once; fewer where fewer are open.

    Parameters
    ----------
    n : >= 0
    mix : strategy -> its share, >= 0, of any first part of the queue; the shares of strategies that have
        nothing (more) to ask go to the others
    seed : of the random part; a review keeps to one, see `find_random_part`

    Raises
    ------
    ParameterError : the mix names an unknown strategy, a negative share or none above 0; n is negative.

    Notes
    -----
    Smooth weighted round-robin: the strategy that has most left of its due comes next.
    """
    if n < 0:
        raise ParameterError(f"cannot ask about {n} images")
    shares = _checked(mix)
    wanted = {name: BY_NAME[name](candidates, seed) for name in shares}
    owed = dict.fromkeys(shares, 0.0)
    groups = candidates.own_groups
    asked: set[int] = set()
    queue: list[QueueEntry] = []
    while len(queue) < n and wanted:
        total = sum(shares[name] for name in wanted)
        due = {name: owed[name] + shares[name] / total for name in wanted}
        chosen = max(wanted, key=lambda name: due[name])
        entry = next((e for e in wanted[chosen] if int(groups[e[0]]) not in asked), None)
        if entry is None:
            del wanted[chosen]
            continue
        owed = {**due, chosen: due[chosen] - 1}
        asked.add(int(groups[entry[0]]))
        queue.append(QueueEntry(entry[0], chosen, entry[1]))
    return queue


def _checked(mix: Mapping[str, float]) -> dict[str, float]:
    """Return the shares above 0."""
    for name, share in mix.items():
        if name not in BY_NAME:
            raise ParameterError(
                f"no strategy is named {name!r}; there are {', '.join(STRATEGIES)}"
            )
        if not 0 <= share < float("inf"):
            raise ParameterError(f"the share of {name} is {share:g}; give 0 or more")
    found = {name: float(share) for name, share in mix.items() if share > 0}
    if not found:
        raise ParameterError("a mix needs at least one strategy with a share above 0")
    return found
