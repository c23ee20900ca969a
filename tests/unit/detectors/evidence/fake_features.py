"""Features of small images as a backbone would give them, but few channels wide, and what they lead to."""

from types import SimpleNamespace

import numpy as np

from defectory.detectors.evidence.measured_images import MeasuredImages
from defectory.detectors.evidence.measurements import Measurements, Weights
from defectory.detectors.evidence.normality import Normality
from defectory.detectors.evidence.place_grid import PlaceGrid

SHAPE_PX = (64, 64)
GRID = (4, 4)
N_PLACES = 16
WIDTHS = {"block7": 3, "block10": 2, "block14": 3, "block15": 4}
_STRIDES = {"block7": 16, "block10": 16, "block14": 32, "block15": 32}


def features(n_images, *, shape_px=SHAPE_PX, seed=0):
    """Return n dicts of stages: each image brighter or darker, each place of a mean and spread of its own."""
    rng = np.random.default_rng(seed)
    of_places = np.random.default_rng(99)
    stages = {}
    for name, width in WIDTHS.items():
        shape = (*(side // _STRIDES[name] for side in shape_px), width)
        mean = of_places.normal(3, 1, shape)
        spread = of_places.uniform(0.5, 2, shape)
        light = rng.normal(size=(n_images, 1, 1, 1))
        noise = rng.normal(size=(n_images, *shape))
        stages[name] = (mean + spread * (noise + light)).astype(np.float32)
    return [{name: stage[i] for name, stage in stages.items()} for i in range(n_images)]


def weights_of(n_images, n_places=N_PLACES, seed=0):
    """Return random say in [0.05, 1]."""
    rng = np.random.default_rng(seed)
    image, places = rng.uniform(0.05, 1, n_images), rng.uniform(0.05, 1, (n_images, n_places))
    return Weights(image.astype(np.float32), places.astype(np.float32))


def learned(listed, say=None, *, groups=None, shape_px=SHAPE_PX, size=None, **settings):
    """Return a model that has learned from the images, in batches of a size; not yet standardized."""
    size = size or len(listed)
    groups = np.arange(len(listed)) if groups is None else groups
    batches = (listed[i : i + size] for i in range(0, len(listed), size))
    return Normality(shape_px, **settings).learn(batches, groups, say)


def standardized(listed, *, shape_px=SHAPE_PX, **settings):
    """Return a fitted model and its measurements of the images left out."""
    normality = learned(listed, shape_px=shape_px, **settings)
    measured = normality.measure_left_out(normality.sample(listed), np.arange(len(listed)))
    normality.standardize(measured)
    return normality, measured


def known_of(codes, coverage=None, *, groups=None, measured=None, described=None):
    """Return images of which nothing else is known than what is given."""
    n = len(codes)
    if coverage is None:
        coverage = np.full((n, N_PLACES), np.nan, np.float32)
    if described is None:
        described = np.zeros((n, np.shape(coverage)[1], 2), np.int8)
    return MeasuredImages(
        np.arange(n),
        np.array(codes, np.int8),
        np.arange(n) if groups is None else np.array(groups),
        np.asarray(coverage, np.float32),
        measured,
        described,
    )


def measurements(places):
    """Return those of (n, p) distances of places; the other parts are 0."""
    distances = np.asarray(places, np.float32)
    return Measurements(distances, np.zeros_like(distances), np.zeros(len(distances), np.float32))


class PlainNormality:
    """Takes distances as they are; patches are places."""

    grid = PlaceGrid(GRID, GRID, 1)

    def standardized_parts(self, measured):
        return measured.places, measured.patches

    def standardized_places(self, measured):
        return measured.places + measured.patches

    def highest_of_map(self, measured):
        return measured.patches

    def image_scores(self, measured):
        return measured.image

    def map_cells(self, measured):
        return measured.patches.reshape(-1, *GRID)


class FakeBackbone:
    """Gives the features of fixed images, and remembers which were asked for."""

    def __init__(self, listed):
        self.listed = listed
        self.read = []
        self.stages = [SimpleNamespace(name=name, n_channels=n) for name, n in WIDTHS.items()]

    def extract(self, images, view, indices=None):
        self.read.append(list(indices))
        return (self.listed[i] for i in indices)
