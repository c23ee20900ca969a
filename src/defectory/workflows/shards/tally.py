"""What rows come to, counted one by one: how many, which are the worst."""

from collections import Counter
from collections.abc import Iterable, Iterator
from math import inf

from defectory.workflows.scoring.rows import Row
from defectory.workflows.scoring.summary import N_LISTED, ListedImage, outcome_of
from defectory.workflows.shards.sorted_rows import natural_bytes


class Tally:
    """Counts rows as they pass.

    Parameters
    ----------
    highest_good : images with a higher score lie beyond all of the fit; None where that is not known

    Attributes
    ----------
    counts : images by outcome: rejected, review, accepted, unreadable
    n_beyond : images that lie beyond all of the fit
    first_error : of an image that could not be read
    """

    def __init__(self, highest_good: float | None) -> None:
        self._highest = inf if highest_good is None else highest_good
        self._worst: dict[str, list[tuple[float, bytes, str]]] = {"rejected": [], "review": []}
        self.counts: Counter[str] = Counter()
        self.n_beyond = 0
        self.first_error = ""

    @property
    def n_scored(self) -> int:
        """Images that could be read."""
        return self.counts.total() - self.counts["unreadable"]

    def count(self, rows: Iterable[tuple[str, Row]]) -> Iterator[tuple[str, Row]]:
        """Yield the rows with their names as they come."""
        for name, row in rows:
            score = row["score"]
            outcome = "unreadable" if score is None else outcome_of(row)
            self.counts[outcome] += 1
            if score is None:
                self.first_error = self.first_error or row["error"]
            else:
                self.n_beyond += score > self._highest
                self._list(outcome, score, name, row["image"])
            yield name, row

    def listed(self, outcome: str) -> tuple[ListedImage, ...]:
        """Return the worst of an outcome, highest score first."""
        return tuple(ListedImage(name, -score) for score, _, name in self._worst[outcome])

    def _list(self, outcome: str, score: float, name: str, shown: str) -> None:
        worst = self._worst.get(outcome)
        if worst is None or (len(worst) == N_LISTED and -score > worst[-1][0]):
            return
        worst.append((-score, natural_bytes(name), shown))
        worst.sort()
        del worst[N_LISTED:]
