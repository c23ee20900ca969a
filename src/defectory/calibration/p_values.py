"""Conformal p-values: how unusual a score is, by the scores of held-out good images.

Of an image with score s it is (1 + the number of n held-out good images that score at least s) / (n + 1): a
good image's falls to a or below with a probability of at most a, on average over draws of the n (Vovk,
Gammerman and Shafer 2005; Bates, Candès, Lei, Romano and Sesia 2023, "Testing for outliers with conformal
p-values", eq. 1). Equal scores only make it larger.

Images that come in groups are not exchangeable, but their groups are. Then the sum over the m groups of the
share of each group's images that score at least s takes the place of the number, and m that of n: the
hierarchical conformal prediction of Lee, Barber and Willett (2023), read as a p-value. With the share of the
image's own group, at most 1, in place of the 1, it would be the upper tail at s of the mean distribution of
m + 1 groups, of which s is a draw; so it is valid. Dunn, Wasserman and Ramdas (2022) pool groups without the
1, which is valid only for many, or draw one image a group, which gives other p-values with every draw.

Differs from both in where the scores come from: each held-out image is scored by a model without it, rather
than all by one model fitted on other images (see `thresholds`).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from defectory.domain import HeldOutScores, own_groups

Floats = NDArray[np.float64]
Basis = Literal["confirmed", "estimated", "none"]


@dataclass(frozen=True, eq=False)
class ConformalPValues:
    """Gives scores their p-values.

    Attributes
    ----------
    scores : (n,) float64, of held-out good images, ascending
    tails : (n + 1,) float64, the sum over groups of the share of their images from each place on; the last 0
    n_groups : m; as many as scores where each is its own
    basis : confirmed where a person called all these images good; estimated where the p-values rest on images
        that nobody did, and promise nothing; none where there are no images, and every p-value is 1
    """

    scores: Floats
    tails: Floats
    n_groups: int
    basis: Basis

    @classmethod
    def fit(cls, held_out: HeldOutScores) -> "ConformalPValues":
        """Return what gives p-values by held-out scores."""
        n = len(held_out)
        groups = own_groups(n, held_out.groups)
        order = np.argsort(held_out.scores, kind="stable")
        weights = (1 / np.bincount(groups)[groups])[order] if n else np.zeros(0)
        tails = np.append(np.cumsum(weights[::-1])[::-1], 0.0)
        all_good: Basis = "confirmed" if held_out.is_confirmed.all() else "estimated"
        return cls(
            scores=held_out.scores[order].astype(np.float64),
            tails=tails,
            n_groups=int(groups.max(initial=-1)) + 1,
            basis=all_good if n else "none",
        )

    def of(self, scores: ArrayLike) -> Floats:
        """Return the p-values of scores.

        Parameters
        ----------
        scores : (n,) float, raw

        Returns
        -------
        (n,) float64 in (0, 1], from 1 / (m + 1) on; low = unusual
        """
        places = np.searchsorted(self.scores, np.asarray(scores, np.float64), side="left")
        found: Floats = (1 + self.tails[places]) / (self.n_groups + 1)
        return found


def highest_of_groups(held_out: HeldOutScores) -> HeldOutScores:
    """Return each group's highest score, as if that were its only image."""
    groups = own_groups(len(held_out), held_out.groups)
    order = np.lexsort((held_out.scores, groups))
    is_last = np.append(np.diff(groups[order]) > 0, np.ones(min(1, len(order)), bool))
    return held_out.take(order[is_last])
