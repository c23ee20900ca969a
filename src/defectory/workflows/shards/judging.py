"""Images judged one and all: those that cannot be read get an error and hold nobody up."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from defectory.domain import ImageReadError, NoProgress
from defectory.sources import Sample, read_image
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.rows import ScoredImage
from defectory.workflows.scoring.score import score_samples


def judge_all(
    model: CalibratedDetector,
    samples: Sequence[Sample],
    known_errors: Mapping[Path, str] | None = None,
) -> list[ScoredImage]:
    """Return one scored image a sample, in order, with an error where it cannot be read.

    Parameters
    ----------
    known_errors : why files are not there, those that are not

    Raises
    ------
    ImageReadError : one cannot be read now and then.
    """
    errors = dict(known_errors or {})
    while True:
        readable = [sample for sample in samples if sample.path not in errors]
        try:
            scored = {item.path: item for item in score_samples(model, readable, NoProgress())}
            break
        except ImageReadError:
            found = find_errors(readable)
            if not found:
                raise
            errors |= found
    return [
        scored.get(sample.path)
        or ScoredImage(sample.name, sample.path, None, error=errors[sample.path])
        for sample in samples
    ]


def find_errors(samples: Sequence[Sample]) -> dict[Path, str]:
    """Return why images cannot be read, those that cannot; each is decoded."""
    errors = {}
    for sample in samples:
        try:
            read_image(sample.path)
        except ImageReadError as error:
            errors[sample.path] = str(error)
    return errors
