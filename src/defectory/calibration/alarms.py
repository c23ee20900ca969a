"""An alarm that rings when scores of passing parts are no longer like those the threshold was fitted on.

The promise of a threshold holds while good parts come from the process that calibration saw. Nobody labels
the stream, so that the rate of false rejects cannot be watched; but scores can. While passing parts are like
those of calibration, all their scores are exchangeable, and the capital of `Bets` that they have risen is a
martingale: by Ville's inequality it ever reaches 100 with a probability of at most 1 %, however long the
alarm watches and however often it is looked at. So it rings at 100, and stays so until the bundle is
recalibrated.

Why passing parts: rejected ones are good and defective in an unknown mix, and more defects would be taken for
drift. Given a threshold that is one of the scores of calibration, the scores below it and those of good
parts below it are exchangeable. Of rejected parts one thing is assumed, that they are not most of all: where
they are, hardly a part may be left to compare, and half of the capital is bet on that. Defects that
pass are few, and a constant share of them is bounded evidence, since there are only so many scores of
calibration to tell it from.

It watches for higher scores only: lower ones do not break the promise. Images of one part, or of one moment,
are alike and count as several: give one of each.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite, log

import numpy as np
from numpy.typing import NDArray

from defectory.calibration.alarm_states import N_DIGITS, AlarmState
from defectory.calibration.bets import ABOVE, Bets, Bins
from defectory.domain import DataError, HeldOutScores, ParameterError

LIFETIME_FALSE_ALARM_RATE = 0.01
"""The probability that an alarm ever rings while nothing has changed is at most this."""


@dataclass(frozen=True)
class Reference:
    """Scores of calibration that new scores are compared with, one a group.

    Attributes
    ----------
    scores : (n,) float64, sorted; equal ones by `ranks`
    ranks : (n,) in [0, 1), drawn once: they order equal scores, as those that new scores draw do
    limit : scores from there on are not compared
    """

    scores: NDArray[np.float64]
    ranks: NDArray[np.float64]
    limit: float

    @classmethod
    def of(cls, calibration: HeldOutScores, limit: float) -> "Reference":
        """Return the reference of a threshold; ParameterError where there is nothing to compare with."""
        if not len(calibration) or not isfinite(limit):
            raise ParameterError(
                "there are no held-out scores of good images to compare new ones with; "
                "recalibrate with good images first"
            )
        rng = np.random.default_rng(0)
        order = rng.permutation(len(calibration))
        _, first = np.unique(calibration.groups[order], return_index=True)
        chosen = order[first]
        scores, ranks = (
            calibration.scores[chosen].astype(np.float64),
            rng.random(len(order))[chosen],
        )
        order = np.lexsort((ranks, scores))
        return cls(scores[order], ranks[order], float(limit))

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all."""
        numbers = np.array([*self.scores, self.limit], "<f8")
        return hashlib.sha256(numbers.tobytes()).hexdigest()[:N_DIGITS]

    @cached_property
    def bins(self) -> Bins:
        """The bins below the limit."""
        return Bins.between(int(np.searchsorted(self.scores, self.limit)), len(self.scores))

    def bin_of(self, score: float, number: int) -> int:
        """Return the bin of the score of an image of that number, or `ABOVE`."""
        if score >= self.limit:
            return ABOVE
        first, end = (int(np.searchsorted(self.scores, score, side)) for side in ("left", "right"))
        n_lower = 0
        if end > first:
            rank = np.random.default_rng([int(self.fingerprint, 16), number]).random()
            n_lower = int(np.searchsorted(self.ranks[first:end], rank))
        return int(self.bins.of_gaps(np.array(first + n_lower)))


@dataclass(frozen=True)
class DriftAlarm:
    """An alarm for one bundle and one stream of images; it does not change, `after` gives the next.

    Attributes
    ----------
    reference : what new scores are compared with
    state : what it knows of the stream
    """

    reference: Reference = field(repr=False)
    state: AlarmState

    @classmethod
    def fresh(cls, calibration: HeldOutScores, limit: float) -> "DriftAlarm":
        """Return an alarm that has seen nothing.

        Parameters
        ----------
        calibration : held-out scores of good images
        limit : the threshold: parts below it pass

        Raises
        ------
        ParameterError : there are no scores, so that there is no threshold.
        """
        reference = Reference.of(calibration, limit)
        return cls(reference, AlarmState.of(reference.fingerprint, Bets.fresh(reference.bins)))

    def resumed(self, state: AlarmState) -> "DriftAlarm":
        """Return the alarm with what an earlier one of the same calibration knew.

        Raises
        ------
        DataError : the state is of another calibration or threshold, or damaged.
        """
        if state.fingerprint != self.state.fingerprint:
            raise DataError("it watches another bundle, or another false-reject rate")
        if not state.is_whole or state.sizes != self.state.sizes:
            raise DataError("it is damaged: its numbers contradict each other")
        return replace(self, state=state)

    @property
    def is_ringing(self) -> bool:
        """Whether scores have risen; only another calibration ends it."""
        return self.state.rang_at is not None

    @property
    def rang_at(self) -> int | None:
        """Number of the image, from 1, at which it rang."""
        return self.state.rang_at

    @property
    def n_seen(self) -> int:
        """Images so far."""
        return self.state.above.n_bets

    @property
    def log_capital(self) -> float:
        """Natural logarithm of the evidence that scores have risen; it rings at that of 100."""
        return float(self.state.restore().log_capital)

    def explain(self) -> str:
        """Return what it has to say in a sentence."""
        state, n = self.state, self.n_seen
        if state.rang_at is None:
            return f"The alarm is quiet after {n:,} image{'' if n == 1 else 's'}."
        what = (
            "most parts are rejected"
            if state.is_mostly_rejecting
            else "scores of passing parts are higher than those the threshold was fitted on"
        )
        return (
            f"The alarm rings since image {state.rang_at:,} of {n:,}: {what}, from about image "
            f"{state.began_after + 1:,} on, and what the threshold promises no longer holds."
        )

    def after(self, scores: Iterable[float]) -> "DriftAlarm":
        """Return the alarm after the scores of further images, in the order in which they were taken.

        Parameters
        ----------
        scores : raw scores of all images, rejected ones, too

        Raises
        ------
        ParameterError : a score is not a number.

        Notes
        -----
        Cost: about a tenth of a millisecond a score; the state does not grow. Nothing is random: the same
        scores give the same state, in one call or in many.
        """
        bets, rang, n_seen = self.state.restore(), self.state, self.n_seen
        for score in scores:
            if score != score:
                raise ParameterError("a score is nan; an alarm needs numbers")
            chosen = np.array(self.reference.bin_of(score, n_seen))
            bets.place(self.reference.bins, chosen, n_seen)
            n_seen += 1
            if rang.rang_at is None and bets.log_capital >= -log(LIFETIME_FALSE_ALARM_RATE):
                rang = _rang(rang, bets, n_seen)
        told = (rang.rang_at, rang.began_after, rang.is_mostly_rejecting)
        return replace(self, state=AlarmState.of(rang.fingerprint, bets, *told))


def _rang(state: AlarmState, bets: Bets, n_seen: int) -> AlarmState:
    is_mostly_rejecting = bool(bets.above.log > bets.below.log)
    winner = bets.above if is_mostly_rejecting else bets.below
    began_after = round(float(winner.woken[winner.awake.argmax()]))
    return replace(
        state, rang_at=n_seen, began_after=began_after, is_mostly_rejecting=is_mostly_rejecting
    )
