"""Pixel figures: anomaly maps against masks, on one square grid."""

from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from defectory.domain import Label
from defectory.domain.images import Mask
from defectory.domain.scores import AnomalyMap
from defectory.metrics import pixel_intervals
from defectory.sources import Dataset
from defectory.workflows.evaluation.results import Interval

# Pixel metrics compare maps and masks on a square grid of so many cells a side, as is usual.
_EVALUATION_PX = 256


def pixel_figures(
    maps: Sequence[AnomalyMap] | None,
    masks: "GridMasks",
    labels: NDArray[np.int8],
    groups: NDArray[np.int64],
    seed: int,
) -> tuple[dict[str, float], dict[str, Interval | None]]:
    """Return pixel AUROC and AUPRO with their intervals; nan and None where there is nothing to compare."""
    undefined: dict[str, float] = {"pixel_auroc": nan, "aupro": nan}
    has_normals = bool((labels == Label.NORMAL).any())
    if maps is None or not masks.n_with_defect or not has_normals:
        return undefined, dict.fromkeys(undefined)
    enlarged, own = _Enlarged(maps, masks.indices), groups[masks.indices]
    found = pixel_intervals(enlarged, masks, groups=own, seed=seed, n_resamples=500)
    return (
        {"pixel_auroc": found.auroc.estimate, "aupro": found.aupro.estimate},
        {
            "pixel_auroc": (found.auroc.low, found.auroc.high),
            "aupro": (found.aupro.low, found.aupro.high),
        },
    )


class GridMasks(Sequence[Mask]):
    """Masks of the images that pixel metrics can use, on the evaluation grid, packed to bits.

    A normal image has an all-False mask. An anomalous image without a mask, or with an empty one, says
    nothing of its pixels and is left out.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.indices: list[int] = []
        self._bits: list[NDArray[np.uint8]] = []
        n_empty, self.n_with_defect, self.n_defective_cells = 0, 0, 0
        source = dataset.masks()
        nothing = np.zeros((_EVALUATION_PX, _EVALUATION_PX), np.bool_)
        for i, sample in enumerate(dataset.samples):
            mask = source.read(i) if sample.label == Label.ANOMALOUS else nothing
            if mask is None or sample.label == Label.UNLABELED:
                continue
            if sample.label == Label.ANOMALOUS and not mask.any():
                n_empty += 1
                continue
            self.n_with_defect += sample.label == Label.ANOMALOUS
            self.indices.append(i)
            grid = _to_grid(mask) if mask is not nothing else nothing
            self.n_defective_cells += int(grid.sum())
            self._bits.append(np.packbits(grid))
        self.notes: list[str] = []
        if n_empty:
            self.notes.append(
                f"{n_empty} masks of anomalous images are empty; they count for image metrics only"
            )

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, k: Any) -> Any:
        flat = np.unpackbits(self._bits[k]).astype(np.bool_)
        return flat.reshape(_EVALUATION_PX, _EVALUATION_PX)


class _Enlarged(Sequence[AnomalyMap]):
    """Anomaly maps on the evaluation grid, enlarged one at a time."""

    def __init__(self, maps: Sequence[AnomalyMap], indices: Sequence[int]) -> None:
        self._maps = maps
        self._indices = indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, k: Any) -> Any:
        heat = PillowImage.fromarray(self._maps[self._indices[k]])
        size = (_EVALUATION_PX, _EVALUATION_PX)
        return np.asarray(heat.resize(size, PillowImage.Resampling.BILINEAR))


def _to_grid(mask: Mask) -> Mask:
    """Return the mask on the square evaluation grid; a cell is defective where its middle is."""
    size = (_EVALUATION_PX, _EVALUATION_PX)
    grid: Mask = np.asarray(
        PillowImage.fromarray(mask).resize(size, PillowImage.Resampling.NEAREST), np.bool_
    )
    if grid.any():
        return grid
    # a defect thinner than a cell must not vanish: mark every cell that it touches
    rows, columns = np.nonzero(mask)
    touched = np.zeros(size, np.bool_)
    touched[rows * size[0] // mask.shape[0], columns * size[1] // mask.shape[1]] = True
    return touched
