"""What `Model.alarm` gives back."""

import numpy as np
from numpy.typing import ArrayLike

from defectory.api.paths import AnyPath, as_path
from defectory.api.predictions import Predictions
from defectory.domain import ParameterError
from defectory.workflows.alarms import (
    AlarmRecord,
    WatchedImage,
    fresh_alarm,
    read_alarm,
    write_alarm,
)
from defectory.workflows.calibrated import CalibratedDetector


class Alarm:
    """An alarm for one model and one stream of images; what `Model.alarm` gives back.

    It rings when scores of passing parts are higher than those the threshold was fitted on, so that what the
    threshold promises no longer holds. While nothing changes, the probability that it ever rings is at most
    1 %, however many images it sees. It rings until the model is recalibrated, which gives another
    model with another alarm.

    Parameters
    ----------
    record : AlarmRecord
        what `defectory.workflows` read
    """

    def __init__(self, record: AlarmRecord) -> None:
        self._record = record

    @property
    def is_ringing(self) -> bool:
        """Whether it rings."""
        return self._record.alarm.is_ringing

    @property
    def rang_at(self) -> int | None:
        """Number of the image, from 1, at which it rang; None where it is quiet."""
        return self._record.alarm.rang_at

    @property
    def n_seen(self) -> int:
        """Images that it has seen."""
        return self._record.alarm.n_seen

    @property
    def log_capital(self) -> float:
        """Natural logarithm of the evidence that scores have risen; it rings when that reaches log 100."""
        return self._record.alarm.log_capital

    def update(self, scores: Predictions | ArrayLike) -> None:
        """See the scores of further images, each once, in the order in which they were taken.

        Parameters
        ----------
        scores : Predictions or array of n float
            what `Model.predict` or `Model.decision_function` gave, of rejected images, too

        Raises
        ------
        ParameterError : a score is no number.
        """
        self._record = self._record.watched(_watched(scores))

    def explain(self) -> str:
        """Return in a sentence whether it rings, and since when."""
        return self._record.alarm.explain()

    def save(self, path: AnyPath) -> None:
        """Write what it has seen, for `Model.alarm` and `defectory score --alarm` to go on.

        Parameters
        ----------
        path : str or Path
            a file of an earlier alarm is replaced, and nothing else

        Raises
        ------
        OutputError : there is something else, or the path cannot be written.
        """
        write_alarm(as_path(path, "path"), self._record)

    def __repr__(self) -> str:
        state = f"rings since image {self.rang_at:,}" if self.rang_at else "quiet"
        return f"Alarm({state}, {self.n_seen:,} images seen)"


def alarm_of(model: CalibratedDetector, path: AnyPath | None) -> Alarm:
    """Return the alarm of a model: as it is in a file, or a fresh one."""
    if path is None:
        return Alarm(AlarmRecord(fresh_alarm(model)))
    return Alarm(read_alarm(as_path(path, "path"), model))


def _watched(scores: Predictions | ArrayLike) -> list[WatchedImage]:
    if isinstance(scores, Predictions):
        pairs = zip(scores.names, scores.scores.tolist(), strict=True)
        return [WatchedImage(name, None, score) for name, score in pairs]
    values = np.asarray(scores)
    if values.ndim != 1 or values.dtype.kind not in "fiu":
        raise ParameterError(
            f"scores has the shape {values.shape} and the type {values.dtype}; give n numbers, one an image"
        )
    return [WatchedImage(f"scores[{i}]", None, float(v)) for i, v in enumerate(values)]
