"""Images that score above everything good of the fit: defective, or of another product."""

from collections.abc import Iterable

import numpy as np

from defectory.workflows.calibrated import CalibratedDetector

_MIN_IMAGES = 8
_STRANGE_RATIO = 0.8


def highest_good_score(model: CalibratedDetector) -> float:
    """Return the highest left-out score of a good image of the fit; infinite where there was none."""
    fitted = np.asarray(model.bundle.calibration.scores)
    return float(fitted.max()) if len(fitted) else np.inf


def note_strange(n_beyond: int, n_scored: int) -> tuple[str, ...]:
    """Return what to say where so many images lie beyond all of the fit that they may show something else."""
    if n_scored < _MIN_IMAGES or n_beyond < _STRANGE_RATIO * n_scored:
        return ()
    return (
        f"{n_beyond} of {n_scored} images score above all good images of the fit: "
        "are they defective, or is it another product, camera or light?",
    )


def note_strange_scores(scores: Iterable[float], model: CalibratedDetector) -> tuple[str, ...]:
    """Return the same of the scores that a model gave."""
    highest = highest_good_score(model)
    beyond = [score > highest for score in scores]
    return note_strange(sum(beyond), len(beyond))
