"""Bets that scores have risen: a martingale while they are exchangeable, so that large capital is evidence.

The scores of calibration cut the line into bins. Where a new score comes is predicted from all scores so far,
those of calibration and those that came after: under exchangeability it lies in each gap between them with
equal probability, whatever the scores' distribution and however few there are (an urn of Pólya over the
bins). That is what online conformal p-values say (Vovk, Nouretdinov and Gammerman 2003, "Testing
exchangeability on-line"), in bins and without rounding. P-values against a calibration set that stays as it
is are not independent: where the set by chance is lower than most, capital grows without any drift.

Capital starts asleep, wakes bit by bit, and then bets on one shift for good: a mixture over starts and shifts
of the bets that would be best for a normal score, akin to the jumpers of Vovk et al. 2021, "Retrain or not
retrain". Their Shiryaev-Roberts and CUSUM statistics bound how often they ring, not whether they ever do.

Scores above the limit are not compared. Half of the capital bets that most scores lie there: that grows on
average only where more than half do.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

ABOVE = -1
"""Stands for a bin where a score lies above the limit."""

N_BINS = 32
SHIFTS = (0.5, 1.0, 2.0)
"""What is bet on, in standard deviations of a score that is normal on some scale."""

_WAKES = 0.25  # before the bet number t + 1 so much of what sleeps wakes, divided by t + 1
_PAID_ABOVE, _PAID_BELOW = 1.8, 0.2  # 1 on average where half of the scores lie above the limit


@dataclass(frozen=True)
class Bins:
    """The bins between scores of calibration, k of them.

    Attributes
    ----------
    ends : (k + 1,) int64, bin b is made of the gaps ends[b] to ends[b + 1] - 1, from the lowest score up
    odds : (d, k), what each bet pays in a bin relative to other bins
    """

    ends: NDArray[np.int64]
    odds: Array

    @classmethod
    def between(cls, n_below: int, n_all: int) -> "Bins":
        """Return the bins below a limit.

        Parameters
        ----------
        n_below, n_all : scores of calibration below the limit, and all
        """
        n_gaps = n_below + 1
        ends = np.unique(np.linspace(0, n_gaps, min(N_BINS, n_gaps) + 1).round().astype(np.int64))
        ranks = (ends[:-1] + ends[1:]) / 2 / (n_all + 1)
        places = np.array([NormalDist().inv_cdf(rank) for rank in ranks])
        return cls(ends, np.exp(np.outer(SHIFTS, places - places[-1])))

    @property
    def gaps(self) -> Array:
        """(k,) gaps in each bin."""
        return np.diff(self.ends).astype(np.float64)

    def of_gaps(self, gaps: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the bins of gaps, numbered from the lowest score up."""
        return np.searchsorted(self.ends, gaps, "right") - 1


@dataclass
class Capital:
    """Capital that is bet in d ways, of one stream or of several at once (leading axes); `bet` changes it.

    Attributes
    ----------
    log : (...), natural logarithm of all of it; 0 at the start
    asleep : (...), share that has not begun to bet
    awake : (..., d), shares that bet in each way
    woken : (..., d), the mean time at which they began
    n_bets : (...), so far
    """

    log: Array
    asleep: Array
    awake: Array
    woken: Array
    n_bets: Array

    @classmethod
    def fresh(cls, n_ways: int, streams: tuple[int, ...] = ()) -> "Capital":
        """Return the capital before the first bet."""
        shares = np.zeros((*streams, n_ways))
        return cls(np.zeros(streams), np.ones(streams), shares, shares.copy(), np.zeros(streams))

    def bet(self, paid: Array, time: ArrayLike, is_on: NDArray[np.bool_]) -> None:
        """Let some capital wake, and pay.

        Parameters
        ----------
        paid : (..., d), by what each bet multiplies its capital
        time : (...), of this bet
        is_on : (...) bool, streams that bet at all
        """
        wakes = self.asleep * np.where(is_on, _WAKES / (self.n_bets + 1), 0.0)
        more = wakes[..., None] / self.awake.shape[-1]
        awake = self.awake + more
        self.woken += (np.asarray(time)[..., None] - self.woken) * _ratio(more, awake)
        awake *= np.where(is_on[..., None], paid, 1.0)
        asleep = self.asleep - wakes
        grown = asleep + awake.sum(-1)
        self.asleep, self.awake = asleep / grown, awake / grown[..., None]
        self.log += np.log(grown)
        self.n_bets = self.n_bets + is_on


@dataclass
class Bets:
    """All bets on one stream, or on several at once (leading axes); `place` changes them.

    Attributes
    ----------
    counts : (..., k), new scores in each bin
    below : bets that scores below the limit have risen
    above : the bet that most scores lie above it
    """

    counts: Array
    below: Capital
    above: Capital

    @classmethod
    def fresh(cls, bins: Bins, *streams: int) -> "Bets":
        """Return the bets before the first new score."""
        counts = np.zeros((*streams, len(bins.gaps)))
        return cls(counts, Capital.fresh(len(SHIFTS), streams), Capital.fresh(1, streams))

    @property
    def log_capital(self) -> Array:
        """Natural logarithm of the mean of both, 0 at the start; (...)."""
        found: Array = np.logaddexp(self.below.log, self.above.log) - np.log(2)
        return found

    def place(self, bins: Bins, chosen: NDArray[np.integer], time: ArrayLike) -> None:
        """Bet, and learn in which bin the next score lies.

        Parameters
        ----------
        chosen : (...), the bin, or `ABOVE`
        time : (...), of this bet, in any unit
        """
        is_below = np.asarray(chosen != ABOVE)
        self.below.bet(payoffs(bins, self.counts, chosen), time, is_below)
        paid = np.where(is_below, _PAID_BELOW, _PAID_ABOVE)[..., None]
        self.above.bet(paid, time, np.ones_like(is_below))
        at = np.where(is_below, chosen, 0)[..., None]
        counted = np.take_along_axis(self.counts, at, -1) + is_below[..., None]
        np.put_along_axis(self.counts, at, counted, -1)


def payoffs(bins: Bins, counts: Array, chosen: NDArray[np.integer]) -> Array:
    """Return (..., d), by what each bet multiplies its capital: 1 on average without drift."""
    expected = bins.gaps + counts  # of the next score, up to a factor
    mean = expected @ bins.odds.T / expected.sum(-1, keepdims=True)
    paid: Array = bins.odds.T[chosen] / mean
    return paid


def _ratio(part: Array, whole: Array) -> Array:
    """Return part / whole, 0 where there is nothing."""
    return part / np.maximum(whole, np.finfo(np.float64).tiny)
