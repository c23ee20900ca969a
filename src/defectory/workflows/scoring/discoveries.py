"""Images of a batch that stand out, with few false ones among them: what is found, and what it is worth."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from defectory.calibration.false_discoveries import (
    benjamini_hochberg,
    fewest_discoveries,
    n_normals_for_one,
)
from defectory.calibration.p_values import Basis, ConformalPValues, highest_of_groups
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.rows import Row


@dataclass(frozen=True)
class Discoveries:
    """What of a batch is a discovery: the scores from one on.

    Attributes
    ----------
    rate : (0, 1), share of the discoveries that may be false, on average
    n_images : in the batch
    n_found : discoveries
    lowest_score : of a discovery; infinite without any
    n_fewest : as many must stand out at once for any to be a discovery; above `n_images`, none is possible
    n_normals : held-out good images behind it, or groups of them
    unit : what these are, for a person
    basis : of the p-values, see `ConformalPValues`
    """

    rate: float
    n_images: int
    n_found: int
    lowest_score: float
    n_fewest: int
    n_normals: int
    unit: str
    basis: Basis

    def mark(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows with `is_discovery`; None where the image could not be read."""
        for row in rows:
            score = row["score"]
            yield {**row, "is_discovery": None if score is None else score >= self.lowest_score}

    def explain(self) -> str:
        """Return in one or two plain sentences what was found and what it is worth."""
        of = f"{self.n_found} of {self.n_images} images are discoveries"
        kept = f"at a false discovery rate of at most {self.rate:.1%}"
        if self.basis == "estimated":
            kept = f"at a false discovery rate estimated, not promised, to be {self.rate:.1%}"
        lowest = f" (score from {self.lowest_score:.4g} on)" if self.n_found else ""
        return f"{of}{lowest}, {kept}.{self._explain_few()}"

    def _explain_few(self) -> str:
        if self.n_fewest == 1:
            return ""
        possible = f"no fewer than {self.n_fewest} at once are possible in such a batch"
        if self.n_fewest > self.n_images:
            possible = "none is possible in such a batch"
        return (
            f" With {self.n_normals} {self.unit} {possible}; with "
            f"{n_normals_for_one(self.n_images, self.rate):,} one image alone may be one."
        )


def find_discoveries(model: CalibratedDetector, scores: ArrayLike, rate: float) -> Discoveries:
    """Return the discoveries among the scores of a batch; see `calibration.false_discoveries`.

    Parameters
    ----------
    scores : (n,) float, raw, of images that are independent of each other
    rate : (0, 1), share of the discoveries that may be false, on average

    Raises
    ------
    ParameterError : the rate is outside (0, 1).
    """
    values, good = np.asarray(scores, np.float64), model.good_scores
    p_values = ConformalPValues.fit(highest_of_groups(good))
    found = values[benjamini_hochberg(p_values.of(values), rate)]
    n_normals, basis = p_values.n_groups, model.p_values.basis
    unit = "held-out images" if basis == "estimated" else "held-out good images"
    return Discoveries(
        rate=rate,
        n_images=len(values),
        n_found=len(found),
        lowest_score=float(found.min(initial=inf)),
        n_fewest=fewest_discoveries(len(values), n_normals, rate),
        n_normals=n_normals,
        unit=unit if n_normals == len(good) else f"groups of {unit}",
        basis=basis,
    )
