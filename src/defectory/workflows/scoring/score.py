"""Images scored with a bundle: one decision each, and a folder of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from defectory.domain import NoProgress, Progress
from defectory.domain.scores import AnomalyMap
from defectory.sources import read_dataset
from defectory.workflows.calibrated import CalibratedDetector, load_calibrated
from defectory.workflows.heat_scale import heat_scale_of
from defectory.workflows.readable import find_unreadable, keep_readable
from defectory.workflows.scoring.exports import ScoredImage, write_scores

# Images whose maps are held at once while scoring.
_CHUNK = 256


def score_images(
    model: CalibratedDetector,
    images: Path | str,
    *,
    skip_unreadable: bool = False,
    progress: Progress | None = None,
) -> Iterator[ScoredImage]:
    """Yield the score of every image of a file, folder or manifest; unreadable ones come last.

    Memory does not grow with the number of images.

    Raises
    ------
    DataError, ImageReadError : there are no images, or one cannot be read and skipping was not asked for.
    """
    progress = progress or NoProgress()
    dataset = read_dataset(images)
    unreadable = find_unreadable(dataset, progress) if skip_unreadable else {}
    readable = keep_readable(dataset, unreadable)
    progress.start("scoring", len(readable))
    for start in range(0, len(readable), _CHUNK):
        part = replace(readable, samples=readable.samples[start : start + _CHUNK])
        scores, decisions = model.judge(part.images(), progress=_StepsOnly(progress))
        maps: Sequence[AnomalyMap | None] = scores.anomaly_maps or [None] * len(scores)
        for sample, decision, heat in zip(part.samples, decisions, maps, strict=True):
            yield ScoredImage(sample.name, sample.path, decision, heat)
    for sample in dataset.samples:
        if sample.name in unreadable:
            yield ScoredImage(sample.name, sample.path, None, error=unreadable[sample.name])


class _StepsOnly:
    """Passes steps on but not the start of stages: the stage spans several calls."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def start(self, stage: str, total: int) -> None:
        pass

    def advance(self, steps: int = 1) -> None:
        self._progress.advance(steps)

    def note(self, text: str) -> None:
        self._progress.note(text)


@dataclass(frozen=True)
class ScoreSummary:
    """How many images `score_to_folder` scored, rejected, and could not read."""

    n_scored: int
    n_rejected: int
    n_unreadable: int


def score_to_folder(
    bundle: Path,
    images: Path,
    folder: Path,
    *,
    heatmaps: bool = False,
    file_format: str = "jsonl",
    false_reject_rate: float | None = None,
    skip_unreadable: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ScoreSummary:
    """Score images with a bundle and write the folder whole or not at all; see `write_scores`."""
    model = load_calibrated(bundle, false_reject_rate)
    counts = {"scored": 0, "rejected": 0, "unreadable": 0}

    def counted() -> Iterator[ScoredImage]:
        scored = score_images(model, images, skip_unreadable=skip_unreadable, progress=progress)
        for item in scored:
            counts["unreadable" if item.decision is None else "scored"] += 1
            counts["rejected"] += item.decision is not None and item.decision.is_anomalous
            yield item

    write_scores(
        counted(),
        folder,
        file_format=file_format,
        heat_scale=heat_scale_of(model) if heatmaps else None,
        overwrite=overwrite,
    )
    return ScoreSummary(counts["scored"], counts["rejected"], counts["unreadable"])
