"""Features of 64 px images as a backbone would give them, but few channels wide, and what they lead to."""

from types import SimpleNamespace

import numpy as np

from defectory.detectors.evidence.study import Study
from defectory.detectors.gaussian_normality import GaussianNormality
from defectory.detectors.measurements import Measurements, Weights

SIZE_PX = 64
SIDE = SIZE_PX // 16
N_CELLS = SIDE**2
WIDTHS = {"block4": 3, "block7": 3, "block10": 2, "block14": 3, "block15": 4}
_SIDES = {"block4": 2, "block7": 1, "block10": 1, "block14": 0.5, "block15": 0.5}
"""Of the grid's."""


def features(n_images, *, n_tiles=1, seed=0):
    """Return n dicts of stages: each image brighter or darker, each cell of a mean and spread of its own."""
    rng = np.random.default_rng(seed)
    of_places = np.random.default_rng(99)
    stages = {}
    for name, width in WIDTHS.items():
        side = int(_SIDES[name] * SIDE * n_tiles)
        mean = of_places.normal(3, 1, (side, side, width))
        spread = of_places.uniform(0.5, 2, (side, side, width))
        light = rng.normal(size=(n_images, 1, 1, 1))
        noise = rng.normal(size=(n_images, side, side, width))
        stages[name] = (mean + spread * (noise + light)).astype(np.float32)
    return [{name: stage[i] for name, stage in stages.items()} for i in range(n_images)]


def weights_of(n_images, seed=0):
    """Return random weights in [0.05, 1]."""
    rng = np.random.default_rng(seed)
    cells, image = rng.uniform(0.05, 1, (N_CELLS, n_images)), rng.uniform(0.05, 1, n_images)
    return Weights(cells.astype(np.float32), image.astype(np.float32))


def learned(listed, weights=None, *, n_tiles=1, **settings):
    """Return a normality model that has learned from the images, in one batch; not yet standardized."""
    return GaussianNormality(SIZE_PX, n_tiles, **settings).learn(iter([listed]), weights)


def standardized(listed):
    """Return a fitted model and its measurements of the images left out."""
    normality = learned(listed)
    measured = normality.measure_left_out(normality.sample(listed))
    normality.standardize(measured)
    return normality, measured


def study_of(codes, coverage=None, *, measured=None, described=None):
    """Return a study of images of which nothing else is known than what is given."""
    n = len(codes)
    if coverage is None:
        coverage = np.full((n, N_CELLS), np.nan, np.float32)
    if described is None:
        described = np.zeros((n, coverage.shape[1], 2), np.int8)
    return Study(
        np.arange(n),
        np.array(codes, np.int8),
        np.asarray(coverage, np.float32),
        measured,
        described,
    )


def measurements(cells):
    """Return those of (n, p) distances of cells; the other parts are 0."""
    distances = np.asarray(cells, np.float32).T[:, :, None]
    nothing = np.zeros_like(distances)
    return Measurements(distances, nothing, nothing, np.zeros(distances.shape[1], np.float32))


class PlainNormality:
    """Takes distances of cells as they are."""

    def standardized_cells(self, measured):
        return measured.cells

    def map_parts(self, measured):
        return measured.means, measured.lines


class FakeBackbone:
    """Gives the features of fixed images, and remembers which were asked for."""

    def __init__(self, listed):
        self.listed = listed
        self.read = []
        self.stages = [SimpleNamespace(name=name, n_channels=n) for name, n in WIDTHS.items()]

    def extract(self, images, view, indices=None):
        self.read.append(list(indices))
        return (self.listed[i] for i in indices)
