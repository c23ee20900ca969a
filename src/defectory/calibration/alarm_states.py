"""What an alarm keeps from one day to the next, as numbers that JSON holds."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta

from defectory.calibration.bets import Bets, Capital

N_DIGITS = 16
_ROUNDING = 1e-6  # of shares that add up to 1

Count = Annotated[int, Meta(ge=0, lt=2**53)]
Share = Annotated[float, Meta(ge=0, le=1)]
Time = Annotated[float, Meta(ge=0, lt=2**53)]
Log = Annotated[float, Meta(gt=-1e9, lt=1e9)]


@dataclass(frozen=True)
class CapitalState:
    """What is kept of a `Capital`."""

    log: Log
    asleep: Share
    awake: tuple[Share, ...]
    woken: tuple[Time, ...]
    n_bets: Count

    @classmethod
    def of(cls, capital: Capital) -> "CapitalState":
        """Return the numbers of one stream."""
        return cls(
            float(capital.log),
            float(capital.asleep),
            tuple(capital.awake.tolist()),
            tuple(capital.woken.tolist()),
            int(capital.n_bets),
        )

    @property
    def is_whole(self) -> bool:
        """Whether the numbers do not contradict each other."""
        return abs(self.asleep + sum(self.awake) - 1) < _ROUNDING

    def restore(self) -> Capital:
        """Return the capital."""
        return Capital(
            np.array(self.log),
            np.array(self.asleep),
            np.array(self.awake),
            np.array(self.woken),
            np.array(float(self.n_bets)),
        )


@dataclass(frozen=True)
class AlarmState:
    """What an alarm knows of the stream, JSON-ready.

    Attributes
    ----------
    fingerprint : of the scores of calibration and the threshold: what else continues it is refused
    counts, below, above : see `Bets`; `above` has bet on every image
    rang_at : number of the image, from 1, at which it rang
    began_after : drift began after about so many images, as estimated when it rang; 0 where it did not
    is_mostly_rejecting : whether it rang because most parts are rejected
    version : of this format
    """

    fingerprint: Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{N_DIGITS}}}\Z")]
    counts: tuple[Count, ...]
    below: CapitalState
    above: CapitalState
    rang_at: Count | None = None
    began_after: Count = 0
    is_mostly_rejecting: bool = False
    version: Literal[1] = 1

    @property
    def is_whole(self) -> bool:
        """Whether the numbers do not contradict each other."""
        is_counted = sum(self.counts) == self.below.n_bets <= self.above.n_bets
        return is_counted and self.below.is_whole and self.above.is_whole

    @property
    def sizes(self) -> tuple[int, ...]:
        """Lengths of the lists, which depend on the scores of calibration."""
        capitals = (self.below, self.above)
        return (len(self.counts), *(len(row) for c in capitals for row in (c.awake, c.woken)))

    @classmethod
    def of(
        cls,
        fingerprint: str,
        bets: Bets,
        rang_at: int | None = None,
        began_after: int = 0,
        is_mostly_rejecting: bool = False,
    ) -> "AlarmState":
        """Return what is known behind the bets of one stream."""
        return cls(
            fingerprint,
            tuple(bets.counts.astype(int).tolist()),
            CapitalState.of(bets.below),
            CapitalState.of(bets.above),
            rang_at,
            began_after,
            is_mostly_rejecting,
        )

    def restore(self) -> Bets:
        """Return the bets."""
        counts = np.array(self.counts, np.float64)
        return Bets(counts, self.below.restore(), self.above.restore())
