"""How good a bundle is on labeled images, with intervals."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.domain import (
    DataError,
    Decision,
    Label,
    NoProgress,
    Progress,
    check_settings,
    own_groups,
)
from defectory.metrics import (
    auroc,
    average_precision,
    bootstrap_interval,
    f1_score,
    recall_at_false_reject_rate,
)
from defectory.sources import Dataset, grouping, read_dataset
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.evaluation.pixels import GridMasks, pixel_figures
from defectory.workflows.evaluation.results import Evaluation, Interval
from defectory.workflows.memory import MemoryNeed, plan_memory, within
from defectory.workflows.readable import leave_out_unreadable

# Of pixel figures: a chunk of normal cells, and what each defective cell of the grid takes.
_METRICS_BYTES, _CELL_BYTES = 250 * 2**20, 300


def evaluate(
    model: CalibratedDetector,
    data: Path | str | Dataset,
    *,
    skip_unreadable: bool = False,
    good_words: Iterable[str] = (),
    bad_words: Iterable[str] = (),
    group_by: str | None = None,
    max_memory_bytes: int | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Evaluation:
    """Return the figures on the test part of a data set (all of it where nothing is called test).

    Labels touch nothing but the figures: threshold and scores are the bundle's.

    Parameters
    ----------
    good_words, bad_words : further names and labels for good and for defective parts
    group_by : which images belong together, see `sources.grouping`; None for what the data set says.
        Intervals resample whole groups

    Raises
    ------
    ParameterError : `group_by` does not parse, or finds nothing in any name.
    DataError : no image is labeled, or an image or mask cannot be read.
    ResourceError : it would need more memory than is allowed; only masks were read.
    """
    check_settings({"seed": seed})
    progress = progress or NoProgress()
    dataset = data
    if not isinstance(dataset, Dataset):
        dataset = read_dataset(dataset, good_words=good_words, bad_words=bad_words)
    dataset = grouping.group_by(dataset, group_by)
    test = dataset.subset("test")
    if not len(test):
        test = dataset
    left_out: tuple[str, ...] = ()
    if skip_unreadable:
        test, left_out = leave_out_unreadable(test, progress)
    if not (test.labels != Label.UNLABELED).any():
        raise DataError(
            f"{dataset.root}: no image to judge is labeled; evaluation needs labels "
            "(folders such as good/ and defect/, or a manifest with a label column)"
        )
    masks = GridMasks(test)  # read first: a wrong mask is an error before the long work
    need = _memory_need(model, len(test), masks.n_defective_cells)
    with within(plan_memory(max_memory_bytes, need, test.files())):
        scores, decisions = model.judge(test.images(), progress=progress)
    known = model.note_known(
        test.images(),
        ", hidden defects among them, too: the figures do not say what new images will give",
    )
    labels, groups = test.labels, own_groups(len(test), test.groups)
    metrics, intervals = _image_figures(scores.image_scores, labels, groups, decisions, seed)
    pixel_metrics, pixel_ci = pixel_figures(scores.anomaly_maps, masks, labels, groups, seed)
    return Evaluation(
        metrics=metrics | pixel_metrics,
        intervals=intervals | pixel_ci,
        samples=test.samples,
        scores=scores.image_scores,
        decisions=tuple(decisions),
        maps=tuple(scores.anomaly_maps or ()),
        n_normal=int((labels == Label.NORMAL).sum()),
        n_anomalous=int((labels == Label.ANOMALOUS).sum()),
        n_unlabeled=int((labels == Label.UNLABELED).sum()),
        # what tells most of the figures comes first
        notes=(
            *known,
            *_one_kind_only(labels),
            *left_out,
            *masks.notes,
            *model.bundle.notes,
            *dataset.notes,
        ),
        data_fingerprint=test.fingerprint(),
        root=test.root,
        n_groups=_count_groups(groups[labels != Label.UNLABELED]),
    )


def _one_kind_only(labels: NDArray[np.int8]) -> Iterator[str]:
    for label, kind in ((Label.NORMAL, "good"), (Label.ANOMALOUS, "defective")):
        if not (labels == label).any():
            yield f"no image is labeled {kind}: figures that need good and defective ones cannot be given"


def _count_groups(groups: NDArray[np.int64]) -> int | None:
    """Return how many groups there are; None where each image is its own."""
    n_groups = len(np.unique(groups))
    return n_groups if n_groups < len(groups) else None


def _memory_need(model: CalibratedDetector, n_images: int, n_defective_cells: int) -> MemoryNeed:
    detector = model.bundle.detector
    metrics = _METRICS_BYTES + _CELL_BYTES * n_defective_cells
    return MemoryNeed(
        what=f"evaluating {detector.name} on {n_images} images",
        fixed_bytes=detector.estimate_score_bytes(n_images) + metrics,
        reader_bytes=detector.reader_bytes,
        advice="",
    )


def _image_figures(
    scores: NDArray[np.float32],
    labels: NDArray[np.int8],
    groups: NDArray[np.int64],
    decisions: Sequence[Decision],
    seed: int,
) -> tuple[dict[str, float], dict[str, Interval | None]]:
    known = labels != Label.UNLABELED
    truth = (labels[known] == Label.ANOMALOUS).astype(np.int8)
    rejected = np.array([d.is_anomalous for d in decisions])[known]
    statistics: dict[str, tuple[Callable[..., float], NDArray[Any]]] = {
        "image_auroc": (auroc, scores[known]),
        "image_ap": (average_precision, scores[known]),
        "recall_at_1pct_frr": (recall_at_false_reject_rate, scores[known]),
        "f1": (lambda decided, y: f1_score(y, decided > 0), rejected.astype(np.float32)),
    }
    both_classes = 0 < truth.sum() < len(truth)
    metrics: dict[str, float] = {}
    intervals: dict[str, Interval | None] = {}
    for key, (statistic, values) in statistics.items():
        metrics[key] = float(statistic(values, truth)) if both_classes else nan
        intervals[key] = None
        if both_classes and not isnan(metrics[key]):
            found = bootstrap_interval(statistic, values, truth, groups=groups[known], seed=seed)
            intervals[key] = (found.low, found.high)
    return metrics, intervals
