"""A detector that scores how bright an image is, at once; and images of any brightness."""

import numpy as np

from defectory.domain import HeldOutScores, Scores
from defectory.workflows.calibrated import CalibratedDetector
from tests.bundles import DATA, bundle_of
from tests.pictures import save

HELD_OUT = np.arange(1, 41, dtype=np.float32)


class Brightness:
    """Scores images by the value of their first pixel; its maps are one cell larger by a half."""

    name = "fake"
    reader_bytes = 0

    def __init__(self, *, has_maps=True):
        self.held_out_ = HeldOutScores.of(HELD_OUT, HELD_OUT if has_maps else ())
        self._has_maps, self.known_labels = has_maps, {}

    def estimate_score_bytes(self, n_images):
        return n_images

    def score(self, images, *, progress=None):
        pixels = [image[0, 0, 0] for image in images.read(range(len(images)))]
        values = np.array(pixels, np.float32)
        if progress is not None:
            progress.advance(len(images))
        maps = [np.full((1, 1), value + 0.5, np.float32) for value in values]
        return Scores(values, maps if self._has_maps else None)


def brightness_model(*, has_maps=True, learned=(), **facts):
    """Its threshold is 40, of 40 held-out scores."""
    data = type(DATA)(DATA.fingerprint, DATA.layout, DATA.n_images, tuple(learned))
    return CalibratedDetector(bundle_of(Brightness(has_maps=has_maps), data=data, **facts))


def write_bright(folder, values):
    """Write one image a value, no two of one content, and return the folder."""
    for i, value in enumerate(values):
        image = np.full((8, 8, 3), value, np.uint8)
        image[1:] = np.random.default_rng(i).integers(0, 255, (7, 8, 3))
        save(folder / f"{i:03}.png", image)
    return folder
