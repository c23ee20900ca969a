"""What the checks are run on: a detector class with fast settings, and small product pictures."""

import inspect
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from defectory.domain import ArrayImages, ImageReadError
from tests.pictures import disc

SIZE_PX = 96
DEFECT_PX = 16
PLACES = [(20, 40), (40, 20), (60, 60), (40, 40)]

# Settings a detector does not have are left out, so a new detector needs no line here.
_FAST = {"size_px": 64, "n_bank": 512, "n_steps": 30, "n_memory": 6, "n_simulated": 4}


class Subject:
    """A detector class under test; one fit of it is shared by the checks that only read it."""

    def __init__(self, detector_class):
        self.detector_class = detector_class
        self.parameters = tuple(inspect.signature(detector_class).parameters)
        self.capabilities = detector_class.capabilities

    def make(self, **settings):
        wanted = {**_FAST, **settings}
        return self.detector_class(**{k: v for k, v in wanted.items() if k in self.parameters})

    @cached_property
    def fitted(self):
        return self.make().fit(ArrayImages(products(12)))


def products(n, seed=0):
    rng = np.random.default_rng(seed)
    return [disc(rng, SIZE_PX) for _ in range(n)]


def planted(image, place):
    """The image with a red square at place (y, x)."""
    y, x = place
    out = image.copy()
    out[y : y + DEFECT_PX, x : x + DEFECT_PX] = (255, 60, 60)
    return out


def defective(seed=2):
    """One product with a defect for each of PLACES."""
    return [planted(image, at) for image, at in zip(products(4, seed), PLACES, strict=True)]


def mixed():
    """Images of several sizes, some of them grey, one tiny."""
    a, b, c, d = products(4, seed=3)
    return [a, b[10:80], np.ascontiguousarray(c[:, :50]), d[:, :, 0], d[40:45, 40:47], a[:, :, 1]]


@dataclass
class Masks:
    arrays: list

    def __len__(self):
        return len(self.arrays)

    def read(self, index):
        return self.arrays[index]


class TellingImages(ArrayImages):
    """Images that carry the truth, as a source made from folders named after it would."""

    def __init__(self, images, truth):
        super().__init__(images)
        self.truth = self.labels = truth
        self.paths = [f"{'bad' if t else 'good'}/{i}.png" for i, t in enumerate(truth)]

    def fingerprint(self, index):
        return f"{self.truth[index]}{super().fingerprint(index)}"


class CutOffImages(ArrayImages):
    def read(self, indices):
        if 3 in indices:
            raise ImageReadError("image 3 is cut off")
        return super().read(indices)


def assert_same_scores(found, expected):
    """Equal bit for bit."""
    np.testing.assert_array_equal(found.image_scores, expected.image_scores)
    assert (found.anomaly_maps is None) == (expected.anomaly_maps is None)
    for a, b in zip(found.anomaly_maps or [], expected.anomaly_maps or [], strict=True):
        np.testing.assert_array_equal(a, b)


def assert_sound(scores, n, *, localizes):
    """Shapes, dtypes and finite values of the scores of n images."""
    assert len(scores) == n
    assert scores.image_scores.shape == (n,)
    assert scores.image_scores.dtype == np.float32
    assert np.isfinite(scores.image_scores).all()
    assert (scores.anomaly_maps is not None) == localizes
    if scores.anomaly_maps is not None:
        assert len(scores.anomaly_maps) == n
        for heat in scores.anomaly_maps:
            assert heat.ndim == 2
            assert heat.dtype == np.float32
            assert np.isfinite(heat).all()
