"""Which anomaly map finds defects as areas? Pixel figures of P1 for maps that score cells differently.

Every map comes from the same frozen features on a 16 x 16 grid, enlarged as the detectors enlarge theirs,
and is in units of what a normal image's cell shows (training images left out). Only the maps differ; no
image score is touched. Maps named `oracle` learn from the masks of test images, cross-fitted over groups of
tiles: they say what the features could do at best, and are no results.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.datasets import magnetic_tile, of_label
from benchmarks.evaluation import say
from benchmarks.p1 import pixel_figures, thin
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.backbones import View
from defectory.backbones.feature_cache import FeatureCache
from defectory.backbones.weights import load_backbone
from defectory.detectors.evidence.measured_images import cover
from defectory.detectors.gaussian_field import GaussianField
from defectory.detectors.grids import smoothing_matrix, stack_stages
from defectory.detectors.moments import RunningMoments
from defectory.domain import Label
from defectory.sources import Dataset

_SIDE = 16
_LINES, _FINE, _COARSE, _WIDE = (
    ("block4",), ("block2", "block4", "block7"), ("block7", "block10", "block14"),
    ("block7", "block10", "block14", "block15"),
)  # fmt: skip
_STAGES = ("block2", "block4", "block7", "block10", "block14", "block15")
_BATCH = 32
_SHRINKAGE = 0.02
# Cells of every so many training grids are enough to estimate principal directions.
_THINNING = 13
# File numbers of one tile under several lights lie closer than this.
_GROUP_GAP = 500
_N_FOLDS = 5
_RIDGE = 300.0

Grids = NDArray[np.float32]
"""(n, g, g, d) features or (n, g, g) values of cells."""


@dataclass(frozen=True)
class Cells:
    """Features, or values of cells, of training and test images."""

    train: Grids
    test: Grids

    def each(self, change: Any) -> "Cells":
        """Return the same function of both."""
        return Cells(change(self.train), change(self.test))


def run(*, n_images: int | None, cache: Path, command: str) -> list[Run]:
    """Return the runs, JSON-ready: one a map."""
    data = magnetic_tile()
    train = thin(of_label(data.subset("train"), Label.NORMAL), n_images)
    test = thin(data.subset("test"), n_images)
    backbone = load_backbone(stages=_STAGES, cache=FeatureCache(cache))
    stacks = {}
    for stages in (_LINES, _FINE, _COARSE, _WIDE):
        read = [
            np.stack([stack_stages(f, stages, _SIDE) for f in backbone.extract(d.images(), View())])
            for d in (train, test)
        ]
        stacks[stages] = Cells(*read)
    facts = provenance(data=data.fingerprint(), weights=backbone.card.id, command=command)
    runs = []
    with threadpool_limits(limits=1, user_api="blas"):
        for name, values in _maps(stacks, test):
            found = _figures(values, test)
            runs.append(
                {"protocol": "pixel-maps", "map": name, "seed": 0, "figures": found} | facts
            )
            say(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in found.items()))
    return runs


def _maps(stacks: dict[tuple[str, ...], Cells], test: Dataset) -> Iterator[tuple[str, Grids]]:
    """Yield name and (n, g, g) values of the test images."""
    fine, coarse = stacks[_FINE], stacks[_COARSE]
    field = field_distances(coarse)
    yield "Gaussian a cell, standardized cell by cell (what scores images)", standardized(field)
    yield "the same, not standardized", in_units(field)
    spread = np.sqrt(coarse.train.var(axis=0).mean(axis=(0, 1)))
    plain = in_units(mean_distances(coarse.each(lambda grids: grids / spread)))
    yield "distance to the cell's mean, in units of the channels' spread", plain
    lines = stacks[_LINES].each(box3).each(without_lines)
    lines_map = plain + 2 * in_units(field_distances(lines))
    yield "the same + 2 x cross of block 4 alone (the map of `gaussian`)", lines_map
    yield "the same, less half the lower quartile", lowered(lines_map, 0.5)
    soft = softly_whitened(coarse)
    near, nearest = in_units(mean_distances(soft)), in_units(neighbor_distances(soft))
    yield "distance to the cell's mean, softly whitened", near
    yield "distance to the cell's nearest neighbor, softly whitened", nearest
    smooth = softly_whitened(fine, 64).each(box3)
    level = in_units(field_distances(smooth.each(without_level)))
    yield "blocks 2 + 4 + 7 in 3 x 3 cells, less the image's median", level
    cross = in_units(field_distances(smooth.each(without_lines)))
    yield "the same, less the medians of column and row (`cross`)", cross
    yield "mean distance + 2 x cross", near + 2 * cross
    yield "mean distance + 2 x cross, less half the lower quartile", lowered(near + 2 * cross, 0.5)
    yield "neighbor distance + 2 x cross", nearest + 2 * cross
    both = lowered(nearest + 2 * cross, 0.5)
    yield "neighbor distance + 2 x cross, less half the lower quartile", both
    ideal = oracle(stacks[_WIDE], test)
    yield "oracle: masks regressed on cell, 5 x 5 cells and image", ideal
    yield "oracle and the map before, ranks averaged", ranks(ideal) + ranks(both)


def _figures(values: Grids, test: Dataset) -> dict[str, float]:
    smoothing = smoothing_matrix(_SIDE, 4 * _SIDE, 1.5)
    maps = [smoothing @ grid.astype(np.float32) @ smoothing.T for grid in values]
    even = [i for i, sample in enumerate(test.samples) if sample.defect_type != "uneven"]
    kept = {test.samples[i].name for i in even}
    others = pixel_figures([maps[i] for i in even], test.filter(lambda s: s.name in kept))
    return {
        **pixel_figures(maps, test),
        **{f"{key}_without_uneven": value for key, value in others.items()},
    }


def field_distances(cells: Cells) -> Cells:
    """Return Mahalanobis distances to each cell's Gaussian; training images are left out of it."""

    def by_cell(grids: Grids) -> Grids:
        flat = grids.reshape(len(grids), -1, grids.shape[-1])
        return np.ascontiguousarray(flat.swapaxes(0, 1))

    running, train = RunningMoments(), by_cell(cells.train)
    for start in range(0, train.shape[1], _BATCH):
        running.add(train[:, start : start + _BATCH])
    field = GaussianField.of(running.moments(), _SHRINKAGE)
    left_out = field.leave_one_out(train[:, :, None])[..., 0]
    found = field.distances(by_cell(cells.test))
    return Cells(*(values.T.reshape(-1, _SIDE, _SIDE) for values in (left_out, found)))


def mean_distances(cells: Cells) -> Cells:
    """Return Euclidean distances to each cell's mean; training images are left out of it."""
    mean, n = cells.train.mean(axis=0), len(cells.train)
    left_out = np.linalg.norm(cells.train - mean, axis=-1) * n / (n - 1)
    return Cells(left_out, np.linalg.norm(cells.test - mean, axis=-1))


def neighbor_distances(cells: Cells) -> Cells:
    """Return distances to the nearest training image's cell at the same place, itself left out."""
    found = Cells(*(np.empty(grids.shape[:3], np.float32) for grids in (cells.train, cells.test)))
    for place in np.ndindex(_SIDE, _SIDE):
        bank = cells.train[:, *place]
        halves = 0.5 * np.einsum("nd,nd->n", bank, bank)
        for grids, into in ((cells.train, found.train), (cells.test, found.test)):
            queries = grids[:, *place]
            squares = halves - queries @ bank.T
            if grids is cells.train:
                np.fill_diagonal(squares, np.inf)
            nearest = 2 * squares.min(axis=1) + np.einsum("nd,nd->n", queries, queries)
            into[:, *place] = np.sqrt(np.maximum(nearest, 0))
    return found


def softly_whitened(cells: Cells, n_dims: int = 128) -> Cells:
    """Return leading principal components over all places, divided by the fourth root of their variance."""
    flat = cells.train.reshape(-1, cells.train.shape[-1])[::_THINNING]
    mean = flat.mean(axis=0)
    variances, directions = np.linalg.eigh(np.cov((flat - mean).T))
    scale = np.maximum(variances[-n_dims:], 1e-6) ** -0.25
    projection = (directions[:, -n_dims:] * scale).astype(np.float32)
    return cells.each(lambda grids: (grids - mean) @ projection)


def box3(grids: Grids) -> Grids:
    """Return means over 3 x 3 cells; edges are repeated."""
    return _box(grids, 1)


def without_level(grids: Grids) -> Grids:
    """Return features less their median over the image."""
    return grids - np.median(grids, axis=(1, 2), keepdims=True)


def without_lines(grids: Grids) -> Grids:
    """Return (n, g, g, 2 d): features less the median of their column, and less that of their row."""
    residuals = [grids - np.median(grids, axis=axis, keepdims=True) for axis in (1, 2)]
    return np.concatenate(residuals, axis=-1)


def lowered(values: Grids, share: float) -> Grids:
    """Return values less a share of their lower quartile over the image."""
    return values - share * np.quantile(values, 0.25, axis=(1, 2), keepdims=True)


def in_units(values: Cells) -> Grids:
    """Return values of the test images, 1 = the mean over training images left out."""
    return values.test / values.train.mean()


def standardized(values: Cells) -> Grids:
    """Return values of the test images, standardized by each cell's own over training images."""
    return (values.test - values.train.mean(axis=0)) / values.train.std(axis=0)


def ranks(values: Grids) -> Grids:
    """Return where each value stands among all, in [0, 1)."""
    order = np.argsort(np.argsort(values, axis=None))
    return (order / values.size).reshape(values.shape).astype(np.float32)


def oracle(cells: Cells, test: Dataset) -> Grids:
    """Return shares of cells that are defective, by ridge regression on the masks of other test tiles."""
    mean, spread = cells.train.mean(axis=0), cells.train.std(axis=0) + 1e-3
    own = softly_whitened(cells.each(lambda grids: (grids - mean) / spread), 96).test
    whole = np.broadcast_to(own.mean(axis=(1, 2), keepdims=True), own.shape)
    features = np.concatenate([own, _box(own, 2), whole, np.ones_like(own[..., :1])], axis=-1)
    wanted, fold = _mask_shares(test), tile_groups(test) % _N_FOLDS
    found = np.empty(wanted.shape, np.float32)
    for held_out in range(_N_FOLDS):
        seen = features[fold != held_out].reshape(-1, features.shape[-1])
        gram = seen.T @ seen + _RIDGE * np.eye(seen.shape[1], dtype=np.float32)
        weights = np.linalg.solve(gram, seen.T @ wanted[fold != held_out].ravel())
        found[fold == held_out] = features[fold == held_out] @ weights
    return found


def tile_groups(test: Dataset) -> NDArray[np.intp]:
    """Return a number for each image, the same for pictures of one tile under other lights."""
    numbers = np.array([int(Path(sample.name).stem.split("num_")[1]) for sample in test.samples])
    order = np.argsort(numbers)
    groups = np.empty(len(numbers), np.intp)
    groups[order] = np.cumsum(np.diff(numbers[order], prepend=numbers[order[0]]) > _GROUP_GAP)
    return groups


def _mask_shares(test: Dataset) -> Grids:
    masks = test.masks()
    found = np.stack([cover(masks.read(i), (_SIDE, _SIDE)) for i in range(len(test))])
    return np.nan_to_num(found, nan=0.0).reshape(-1, _SIDE, _SIDE)


def _box(grids: Grids, reach: int) -> Grids:
    n = 2 * reach + 1
    padded = np.pad(grids, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="edge")
    rows = sum(padded[:, i : i + _SIDE] for i in range(n))
    return np.asarray(sum(rows[:, :, i : i + _SIDE] for i in range(n)) / n**2, np.float32)
