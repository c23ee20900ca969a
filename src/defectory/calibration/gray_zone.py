"""What is neither rejected nor accepted: a second threshold, with a promise about defects that slip through.

The threshold for accepting is that for rejecting, seen from the other side: on the negated scores of defects
that nothing was learned from, `fit_threshold` gives the highest value that at most the stated share of such
defects score below (Vovk 2012, Prop. 2a, as there). Scores between the two are for a person to look at.

Differs from classification with a reject option (Chow 1970; conformal sets of both classes, Vovk, Gammerman
and Shafer 2005): no costs are weighed, and each threshold keeps its promise by itself, with the confidence
asked for, rather than on average. That on defects is of defects *like those labeled*: a new kind may score
anywhere. Labels count one by one, so that several pictures of one defect promise more than they should.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, floor, isfinite, nan

import numpy as np

from defectory.calibration.binomial import clopper_pearson
from defectory.calibration.thresholds import (
    DEFAULT_CONFIDENCE,
    ROUNDING,
    Threshold,
    check_share,
    fit_threshold,
    n_normals_needed,
)
from defectory.domain import DefectScores, HeldOutScores, own_groups


@dataclass(frozen=True)
class AcceptThreshold:
    """A threshold and what it promises; a score below it is accepted, unless it is rejected.

    Attributes
    ----------
    value : in raw score units; minus infinity (nothing is accepted) without any defects
    miss_rate : (0, 1), the share of defects accepted that was asked for
    confidence : (0, 1), how surely the share is to be kept
    n_defects : held-out scores it was fitted on
    bound : [0, 1], the share that is kept at that confidence; 1 for an estimate, which promises nothing
    expected_rate : [0, 1], the mean share over draws of the defects
    n_missing : further labeled defects that the promise needs; 0 if kept
    kind : of the defects: labeled, chosen (asked about for their scores, or of before a recalibration) or
        simulated; only labeled ones can promise
    """

    value: float
    miss_rate: float
    confidence: float
    n_defects: int
    bound: float
    expected_rate: float
    n_missing: int
    kind: str = "labeled"

    @property
    def is_kept(self) -> bool:
        """Whether the defects were enough for the promise, and stand for those to come."""
        return self.n_missing == 0

    @property
    def basis(self) -> str:
        """What accepting is worth: promised, short (of defects), estimated (on others) or none."""
        if not self.n_defects:
            return "none"
        return "promised" if self.is_kept else "short" if self.kind == "labeled" else "estimated"

    def explain(self) -> str:
        """Return the promise in one or two plain sentences."""
        asked = f"at most {self.miss_rate:.2%} of defects like the labeled ones accepted"
        sure = f"{self.confidence:.0%} confidence"
        if self.is_kept:
            return f"{asked}, with {sure} (fitted on {self.n_defects} held-out defects)."
        if not self.n_defects:
            return (
                "Nothing is accepted: there are no known defects to fit it on. "
                f"The promise ({asked}, {sure}) needs {self.n_missing} labeled ones."
            )
        if self.kind != "labeled":
            judged, needed = (
                (f"{self.n_defects} simulated ones", "labeled defects")
                if self.kind == "simulated"
                else (
                    f"{self.n_defects} that were asked about for their scores, or are of before the "
                    "recalibration: of those to come it may be many more",
                    "labeled defects that nobody chose",
                )
            )
            return (
                f"Estimated, not promised: about {self.expected_rate:.2%} of defects accepted, judging by "
                f"{judged}. The promise ({asked}, {sure}) needs {self.n_missing} {needed}."
            )
        return (
            f"The promise ({asked}, {sure}) needs {self.n_missing} more labeled defects than the "
            f"{self.n_defects} there are. What these can promise: at most {self.bound:.1%}; "
            f"{self.expected_rate:.2%} on average."
        )


@dataclass(frozen=True)
class GrayZone:
    """The scores from one threshold up to the other, and how many good parts to expect there.

    Attributes
    ----------
    accept : a score below it is accepted
    reject : a score above it is rejected
    share : [0, 1], of held-out good images that are between, the mean over their groups; nan without any
    low, high : [0, 1], 95 % interval of that share (Clopper and Pearson 1934; groups count as one)
    """

    accept: AcceptThreshold
    reject: Threshold
    share: float
    low: float
    high: float

    @cached_property
    def is_empty(self) -> bool:
        """Whether one threshold keeps both promises, so that no score is between."""
        return self.accept.value > self.reject.value

    def explain(self) -> str:
        """Return in a sentence what a person has to look at."""
        if self.is_empty:
            return (
                f"Nothing is left to look at: {self.accept.value:.4g} is above the threshold for rejecting, "
                "so that what is not rejected is accepted."
            )
        start, end = self.accept.value, self.reject.value
        ends = [f"from {start:.4g}"] * isfinite(start) + [f"up to {end:.4g}"] * isfinite(end)
        between = " ".join(ends) or "of any height"
        if not self.reject.n_normals:
            return f"A person looks at scores {between}; of good parts nothing is known."
        known = f"{self.reject.n_normals} held-out images"
        if self.reject.is_estimated:
            known += f" ({self.reject.n_confirmed} confirmed good)"
        return (
            f"A person looks at scores {between}: {self.share:.1%} of good parts (95% interval "
            f"{self.low:.1%} - {self.high:.1%}), judging by {known}."
        )


def fit_accept_threshold(
    defects: DefectScores, miss_rate: float, confidence: float = DEFAULT_CONFIDENCE
) -> AcceptThreshold:
    """Return the highest threshold that keeps the promise, or the lowest defect's score if none can.

    Parameters
    ----------
    defects : scores by models that have not learned from them; finite
    miss_rate : (0, 1), share of such defects that may be accepted
    confidence : (0, 1), probability, over the draw of the defects, that the share is kept

    Raises
    ------
    ParameterError : a share outside (0, 1), or scores that are not finite.

    Notes
    -----
    Simulated defects can promise nothing of real ones, nor those that were chosen for their scores of others,
    and confidence in them is worth nothing: of them it is the value that on average the share asked for score
    below.
    """
    check_share("miss rate", miss_rate)
    check_share("confidence", confidence)
    if not defects.can_promise and len(defects):
        return _estimate(defects, miss_rate, confidence)
    mirrored = fit_threshold(-defects.scores.astype(np.float64), miss_rate, confidence)
    return AcceptThreshold(
        value=-mirrored.value,
        miss_rate=miss_rate,
        confidence=confidence,
        n_defects=len(defects),
        bound=mirrored.bound,
        expected_rate=mirrored.expected_rate,
        n_missing=mirrored.n_missing,
    )


def _estimate(defects: DefectScores, miss_rate: float, confidence: float) -> AcceptThreshold:
    n = len(defects)
    rank = max(1, floor(miss_rate * (n + 1) + ROUNDING))
    return AcceptThreshold(
        value=float(np.sort(defects.scores)[rank - 1]),
        miss_rate=miss_rate,
        confidence=confidence,
        n_defects=n,
        bound=1.0,
        expected_rate=rank / (n + 1),
        n_missing=n_normals_needed(miss_rate, confidence),
        kind=defects.kind,
    )


def fit_gray_zone(
    held_out: HeldOutScores, defects: DefectScores, reject: Threshold, miss_rate: float
) -> GrayZone:
    """Return the gray zone below a threshold.

    Parameters
    ----------
    held_out : good images that the threshold rests on
    defects : labeled or simulated ones
    reject : the threshold above which images are rejected; its confidence is taken for both promises
    miss_rate : (0, 1), share of defects like these that may be accepted

    Raises
    ------
    ParameterError : the miss rate is outside (0, 1).
    """
    accept = fit_accept_threshold(defects, miss_rate, reject.confidence)
    scores = held_out.scores
    is_between = (scores >= accept.value) & (scores <= reject.value)
    groups = own_groups(len(scores), held_out.groups)
    m = int(groups.max(initial=-1)) + 1
    # the sum over groups of the share of their images: a count where each image is its own group
    total = float((is_between / np.bincount(groups)[groups]).sum()) if m else 0.0
    return GrayZone(
        accept,
        reject,
        share=total / m if m else nan,
        low=clopper_pearson(floor(total + ROUNDING), m)[0],
        high=clopper_pearson(ceil(total - ROUNDING), m)[1],
    )
