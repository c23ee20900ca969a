"""How soon does the alarm ring after scores have risen, and how often does it ring for nothing? Simulated.

- **Lifetimes.** Good parts alone, 100,000 that pass, again and again: the share of alarms that ring. Ranks
  decide, so that one distribution stands for all. Beside our alarm: the same bets in a Shiryaev-Roberts
  statistic, whose limit bounds the same probability over just so many images; and the same bets on p-values
  against the calibration set alone, which are not independent.
- **Delays.** From an image on, every score is higher by a number of robust deviations (IQR / 1.349 of the
  calibration scores): images scored, rejected ones, too, until it rings.

Scores of calibration and the promise (1 % at 95 %) give the threshold; the alarm sees what passes.

- **Drift** of ball screws in time order, see `drift`.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift import on_ball_screws
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.calibration import fit_threshold
from defectory.calibration.alarms import LIFETIME_FALSE_ALARM_RATE
from defectory.calibration.bets import ABOVE, Bets, Bins, payoffs

SIZES = (60, 300, 1000)
LIFETIME = 100_000
STARTS = (0, 1000, LIFETIME)
SHIFTS = (0.5, 1.0, 2.0, 4.0)
_N_DELAYS = 300
_PATIENCE = 2000
_CHUNK = 2000
_RATE = 0.01

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Draw = Callable[[np.random.Generator, int], Floats]

DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "log-normal": lambda rng, n: np.exp(0.5 * rng.normal(size=n)),
    "gamma": lambda rng, n: rng.gamma(2.0, size=n),
}


class Rule(Bets):
    """Our alarm: bets on several streams at once, which rings where `evidence` reaches `limit`."""

    limit = -log(LIFETIME_FALSE_ALARM_RATE)

    @property
    def evidence(self) -> Floats:
        """Logarithm of what rings; (n_streams,)."""
        return self.log_capital


class FixedReference(Rule):
    """The same bets where new scores are never added to those of calibration."""

    def place(self, bins: Bins, chosen: Whole, time: Any) -> None:
        """Bet, and forget where the score lies."""
        super().place(bins, chosen, time)
        self.counts[:] = 0


class ShiryaevRoberts(Rule):
    """The sum over all starts of the same bets; P(it reaches c within n images) <= n / c."""

    limit = log(LIFETIME / LIFETIME_FALSE_ALARM_RATE)

    @property
    def evidence(self) -> Floats:
        """See `Rule`; the sums stand in the shares that are awake."""
        found: Floats = np.log(np.maximum(self.below.awake.sum(-1), 1e-300))
        return found

    def place(self, bins: Bins, chosen: Whole, time: Any) -> None:
        """Bet with what was won and, anew, with a capital of 1."""
        sums, is_below = self.below.awake, (chosen != ABOVE)[:, None]
        won = (sums + 1 / sums.shape[-1]) * payoffs(bins, self.counts, chosen)
        super().place(bins, chosen, time)
        self.below.awake = np.where(is_below, np.minimum(won, 1e300), sums)


RULES: dict[str, type[Rule]] = {
    "alarm": Rule,
    "Shiryaev-Roberts": ShiryaevRoberts,
    "fixed calibration set": FixedReference,
}


def run(*, n_lifetimes: int, n_images: int | None, cache: Path, command: str) -> list[Run]:
    """Return the runs, JSON-ready.

    Parameters
    ----------
    n_images : smoke run: so many images a lifetime, and as many streams of delays
    """
    described = hashlib.sha256(repr((__doc__, SIZES, STARTS, SHIFTS)).encode()).hexdigest()
    facts = provenance(data=described, weights="none", command=command)
    length, n_delays = n_images or LIFETIME, min(n_images or _N_DELAYS, _N_DELAYS)
    found = [*_lifetimes(n_lifetimes, length), *_delays(n_delays, length)]
    simulated = [{"protocol": "alarms", "seed": 0, **one, **facts} for one in found]
    real = [
        {
            "protocol": "alarms",
            "seed": 0,
            **one,
            **provenance(data=data, weights=weights, command=command),
        }
        for one, data, weights in on_ball_screws(cache, n_images)
    ]
    return [*simulated, *real]


@dataclass(frozen=True)
class _Stream:
    """Scores of one bundle: those of calibration, sorted, and the threshold."""

    draw: Draw
    calibration: Floats
    limit: float
    rng: np.random.Generator

    @classmethod
    def drawn(cls, draw: Draw, n: int, rng: np.random.Generator) -> "_Stream":
        scores = np.sort(draw(rng, n))
        return cls(draw, scores, fit_threshold(scores, _RATE).value, rng)

    @property
    def bins(self) -> Bins:
        """The same for all streams with as many scores of calibration."""
        n_below = int(np.searchsorted(self.calibration, self.limit))
        return Bins.between(n_below, len(self.calibration))

    def bins_of(self, scores: Floats) -> Whole:
        """Return the bins of scores."""
        bins = self.bins.of_gaps(np.searchsorted(self.calibration, scores))
        return np.where(scores < self.limit, bins, ABOVE)

    def passing(self, n: int) -> Floats:
        """Return n further scores that pass."""
        found = np.empty(0)
        while len(found) < n:
            drawn = self.draw(self.rng, n)
            found = np.concatenate([found, drawn[drawn < self.limit]])
        return found[:n]

    def risen(self, shift: float) -> Floats:
        """Return further scores, rejected ones, too, higher by so many robust deviations."""
        low, high = np.percentile(self.calibration, (25, 75))
        return self.draw(self.rng, _PATIENCE) + shift * (high - low) / 1.349


def _lifetimes(n_streams: int, length: int) -> Iterator[dict[str, Any]]:
    for n in SIZES:
        for name, rule in RULES.items():
            streams = _streams("normal", n, n_streams)
            bets = rule.fresh(streams[0].bins, n_streams)
            rang = np.isfinite(_watch_good(bets, streams, length))
            yield {
                "part": "lifetimes", "rule": name, "n_calibration": n, "n_lifetimes": n_streams,
                "lifetime": length, "n_rang": int(rang.sum()),
            }  # fmt: skip


def _delays(n_streams: int, length: int) -> Iterator[dict[str, Any]]:
    for n, name, start in product(SIZES, DISTRIBUTIONS, STARTS):
        if start > length:
            continue
        for shift in SHIFTS if start < LIFETIME else (1.0,):
            for rule in ("alarm", "Shiryaev-Roberts") if shift == 1 else ("alarm",):
                streams = _streams(name, n, n_streams)
                yield {
                    "part": "delays", "rule": rule, "n_calibration": n, "distribution": name,
                    "start": start, "shift": shift, **_delay(RULES[rule], streams, start, shift),
                }  # fmt: skip


def _delay(
    rule: type[Rule], streams: Sequence[_Stream], start: int, shift: float
) -> dict[str, Any]:
    """Return how soon alarms ring whose scores rise after so many that pass; early ones do not count."""
    bets = rule.fresh(streams[0].bins, len(streams))
    is_early = np.isfinite(_watch_good(bets, streams, start))
    chosen = np.array([stream.bins_of(stream.risen(shift)) for stream in streams])
    delays = np.sort(_ring_times(bets, streams[0].bins, chosen, start)[~is_early]) - start
    return {
        "n_streams": len(delays),
        "median": _finite(delays[len(delays) // 2]),
        "p90": _finite(delays[int(0.9 * len(delays))]),
        "rang": float(np.isfinite(delays).mean()),
        "passed": float((chosen != ABOVE).mean()),
    }


def _watch_good(bets: Rule, streams: Sequence[_Stream], n: int) -> Floats:
    """Show the alarms n good parts that pass; return when each first rang, infinite where it did not."""
    rang = np.full(len(streams), np.inf)
    for start in range(0, n, _CHUNK):
        size = min(_CHUNK, n - start)
        chosen = np.array([stream.bins_of(stream.passing(size)) for stream in streams])
        rang = np.minimum(rang, _ring_times(bets, streams[0].bins, chosen, start))
    return rang


def _ring_times(bets: Rule, bins: Bins, chosen: Whole, n_before: int) -> Floats:
    """Bet on (n_streams, m) bins; return the number of the image at which each alarm first rang."""
    rang = np.full(len(chosen), np.inf)
    for i in range(chosen.shape[1]):
        bets.place(bins, chosen[:, i], n_before + i)
        rang[(bets.evidence >= bets.limit) & np.isinf(rang)] = n_before + i + 1
    return rang


def _streams(name: str, n: int, n_streams: int) -> list[_Stream]:
    rng = np.random.default_rng(n)
    return [_Stream.drawn(DISTRIBUTIONS[name], n, rng) for _ in range(n_streams)]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
