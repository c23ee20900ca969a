"""How often do intervals of AUROC hold the true one, where pictures belong together? Simulated.

The score of a picture is an effect of its part and a noise of its own, both normal, plus a distance where it
is defective. `part_share` is the share of the part in the variance; the distance gives the true AUROC.

- **pure**: all pictures of a part are good or all are defective. So many parts a class.
- **mixed**: each picture is defective with a probability of one half. Twice so many parts.

Three intervals at 95 %: ours, of groups; percentiles of the same resamples; and that of DeLong et al. 1988
for pictures as if each were a part of its own, which ignores groups.

Resamples are those that are shipped, and so is what is made of them; only the AUROC of a resample is summed
over pairs of parts rather than pictures, which gives the same numbers sooner.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.metrics.intervals import wilson_interval
from defectory.metrics.resampling import ImageGroups, Resamples

AUROCS = (0.8, 0.9, 0.95, 0.99)
PARTS = (30, 100)
PICTURES = (1, 2, 5, 20)
KINDS = ("pure", "mixed")
PART_SHARES = (0.2, 0.5)
CONFIDENCE = 0.95
_N_RESAMPLES = 250

Floats = NDArray[np.float64]
Ends = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """One kind of data set."""

    kind: str
    part_share: float
    n_pictures: int
    n_parts: int
    auroc: float

    def draw(self, rng: np.random.Generator) -> "Pictures":
        """Return one data set."""
        part = np.repeat(np.arange(2 * self.n_parts), self.n_pictures)
        is_pure = self.kind == "pure"
        defective = part < self.n_parts if is_pure else rng.random(part.size) < 0.5
        effects = rng.normal(size=2 * self.n_parts) * self.part_share**0.5
        noise = rng.normal(size=part.size) * (1 - self.part_share) ** 0.5
        distance = 2**0.5 * NormalDist().inv_cdf(self.auroc)
        return Pictures(effects[part] + noise + distance * defective, defective, part)


@dataclass(frozen=True)
class Pictures:
    """Scores of n pictures, whether they are defective, and the parts that they show."""

    scores: Floats
    defective: NDArray[np.bool_]
    parts: NDArray[np.int64]

    def wins(self) -> Floats:
        """Return (g, g) how often pictures of one part, defective, score above good ones of another."""
        order = np.argsort(self.scores)
        is_defective, part = self.defective[order], self.parts[order]
        n = int(self.parts.max()) + 1
        good = np.zeros((part.size, n), dtype=np.float32)
        good[np.arange(part.size), part] = ~is_defective
        below = np.cumsum(good, axis=0)[
            is_defective
        ]  # of each defective picture, good ones by part
        found = np.zeros((n, n))
        by_part = np.argsort(part[is_defective], kind="stable")
        parts, first = np.unique(part[is_defective][by_part], return_index=True)
        found[parts] = np.add.reduceat(below[by_part], first, axis=0)
        return found

    def intervals(self, rng: np.random.Generator) -> dict[str, Ends]:
        """Return name -> ends of the intervals of AUROC."""
        wins, groups = self.wins(), ImageGroups(self.defective, self.parts)
        n_bad, n_good = (np.bincount(self.parts[of]) for of in (self.defective, ~self.defective))
        resamples = Resamples()
        for draws in groups.draws(_N_RESAMPLES, rng):
            pairs = (draws[:, : n_bad.size] @ n_bad) * (draws[:, : n_good.size] @ n_good)
            resamples.add(draws, np.einsum("bi,bi->b", draws @ wins, draws) / pairs)
        estimate = wins.sum() / (n_bad.sum() * n_good.sum())
        ours = wilson_interval(estimate, resamples, groups.n_rarer, CONFIDENCE)
        low, high = np.quantile(resamples.values, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
        return {
            "groups": (ours.low, ours.high),
            "percentiles": (float(low), float(high)),
            "pictures": self._delong(float(estimate)),
        }

    def _delong(self, estimate: float) -> Ends:
        bad, good = np.sort(self.scores[self.defective]), np.sort(self.scores[~self.defective])
        beaten = np.searchsorted(good, bad) / good.size
        missed = np.searchsorted(bad, good) / bad.size
        variance = beaten.var(ddof=1) / bad.size + missed.var(ddof=1) / good.size
        reach = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * float(variance) ** 0.5
        return estimate - reach, estimate + reach


def run(*, n_data_sets: int, n_images: int | None, command: str) -> list[Run]:
    """Return the runs, JSON-ready, one a case.

    Parameters
    ----------
    n_images : smoke run: so many data sets a case
    """
    described = hashlib.sha256(repr((__doc__, list(cases()))).encode()).hexdigest()
    facts = provenance(data=described, weights="none", command=command)
    found = (_measured(case, min(n_images or n_data_sets, n_data_sets)) for case in cases())
    return [{"protocol": "coverage", "seed": 0, **one, **facts} for one in found]


def cases() -> Iterator[Case]:
    """Yield the cases; where a part has one picture there is nothing to share, and no part is mixed."""
    for n_pictures, kind, share in product(PICTURES, KINDS, PART_SHARES):
        if n_pictures > 1 or (kind, share) == (KINDS[0], PART_SHARES[0]):
            for n_parts, auroc in product(PARTS, AUROCS):
                yield Case(kind, share, n_pictures, n_parts, auroc)


def _measured(case: Case, n_data_sets: int) -> dict[str, Any]:
    """Return the case, and of each interval how many hold the truth and how wide they are."""
    rng = np.random.default_rng(list(repr(case).encode()))
    found = [case.draw(rng).intervals(rng) for _ in range(n_data_sets)]
    n_covered, widths = {}, {}
    for name in found[0]:
        low, high = np.array([intervals[name] for intervals in found]).T
        n_covered[name] = int(((low <= case.auroc) & (case.auroc <= high)).sum())
        widths[name] = float((high - low).mean())
    return {
        **vars(case), "confidence": CONFIDENCE, "n_data_sets": n_data_sets, "n_covered": n_covered,
        "widths": widths,
    }  # fmt: skip
