"""What a promise costs: the recall to expect at each, and the good images that hold the threshold up."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from defectory.calibration.binomial import clopper_pearson
from defectory.calibration.estimates import TAIL, choose_threshold
from defectory.calibration.thresholds import DEFAULT_CONFIDENCE, Threshold
from defectory.domain import DefectScores, HeldOutScores

RATES = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
"""False-reject rates that are compared."""

# The highest images that are tried; and how much recall one must cost to be named.
_N_TRIED, _LEAST_COST = 5, 0.05


@dataclass(frozen=True)
class TradeOff:
    """One promise and what it costs.

    Attributes
    ----------
    threshold : for that promise
    recall : share of the known defects above it; nan without any
    low, high : [0, 1], 95 % interval of the recall of such defects (Clopper and Pearson 1934); nan where
        these are no sample of those to come
    n_defects : that it was counted on
    kind : of these: labeled, chosen (asked about for their scores, or of before a recalibration) or simulated
    """

    threshold: Threshold
    recall: float
    low: float
    high: float
    n_defects: int
    kind: str

    @property
    def has_interval(self) -> bool:
        """Whether the recall says something of defects to come."""
        return self.n_defects > 0 and self.kind == "labeled"

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data; null for what is not known."""
        known = bool(self.n_defects)
        return {
            "false_reject_rate": self.threshold.false_reject_rate,
            "threshold": self.threshold.value if np.isfinite(self.threshold.value) else None,
            "basis": self.threshold.basis,
            "recall": self.recall if known else None,
            "recall_interval": [self.low, self.high] if self.has_interval else None,
            "n_defects": self.n_defects,
            "defects": self.kind,
        }


@dataclass(frozen=True)
class Holder:
    """A good image that holds the threshold up.

    Attributes
    ----------
    content : first hex digits of the hash of its content
    score : raw, left out
    is_confirmed : whether a person called it good
    threshold_without : what the threshold would be without it
    recall, recall_without : share of the known defects above either
    """

    content: str
    score: float
    is_confirmed: bool
    threshold_without: float
    recall: float
    recall_without: float


def trade_offs(
    held_out: HeldOutScores,
    defects: DefectScores,
    confidence: float = DEFAULT_CONFIDENCE,
    rates: Sequence[float] = RATES,
    *,
    prefers_estimate: bool = False,
    tail: float = TAIL,
) -> tuple[TradeOff, ...]:
    """Return what promises of these rates cost, the strictest first.

    Parameters
    ----------
    held_out : that thresholds are fitted on
    defects : labeled or simulated ones
    confidence : of the promises
    prefers_estimate, tail : see `choose_threshold`
    """
    found = []
    for rate in sorted(rates):
        threshold = choose_threshold(
            held_out, rate, confidence, prefers_estimate=prefers_estimate, tail=tail
        )
        n, k = len(defects), int((defects.scores > threshold.value).sum())
        low, high = clopper_pearson(k, n) if defects.can_promise else (nan, nan)
        recall = k / n if n else nan
        found.append(TradeOff(threshold, recall, low, high, n, defects.kind))
    return tuple(found)


def find_holders(
    held_out: HeldOutScores,
    defects: DefectScores,
    threshold: Threshold,
    *,
    prefers_estimate: bool = False,
    tail: float = TAIL,
) -> tuple[Holder, ...]:
    """Return the good images that alone cost much of the recall, the costliest first.

    Parameters
    ----------
    threshold : the one that decides
    prefers_estimate, tail : see `choose_threshold`

    Notes
    -----
    The highest images are taken out one at a time, the threshold fitted anew. Where that finds 5 % of the
    known defects more, the image is named: is it really good? Where any of several does the same, the
    threshold moves by one rank whichever goes, and none is named.
    """
    if not len(defects) or not len(held_out):
        return ()
    recall = float((defects.scores > threshold.value).mean())
    found = []
    for row in np.argsort(-held_out.scores, kind="stable")[:_N_TRIED].tolist():
        rest = held_out.take(np.arange(len(held_out)) != row)
        again = choose_threshold(
            rest,
            threshold.false_reject_rate,
            threshold.confidence,
            prefers_estimate=prefers_estimate,
            tail=tail,
        )
        without = float((defects.scores > again.value).mean())
        if without - recall >= _LEAST_COST:
            found.append(
                Holder(
                    held_out.contents[row],
                    float(held_out.scores[row]),
                    bool(held_out.is_confirmed[row]),
                    again.value,
                    recall,
                    without,
                )
            )
    if len(found) > 1 and len({holder.threshold_without for holder in found}) == 1:
        return ()
    return tuple(sorted(found, key=lambda holder: -holder.recall_without))
