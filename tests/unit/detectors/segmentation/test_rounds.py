"""Rounds: what is drawn into noisy images is as blurred as what a camera saw there."""

import numpy as np

from defectory.detectors.segmentation.rounds import RoundMaker
from defectory.domain import ArrayImages, Label
from defectory.simulation import AnomalySimulator


class Pixels:
    """A reader whose inputs are the images themselves."""

    def read(self, images, indices):
        return self.prepare(images.read(indices))

    def prepare(self, images):
        return {"pixels": np.stack(list(images)).astype(np.float32)}


def rounds(noise):
    flat = np.full((64, 64, 3), 120, np.uint8)
    maker = RoundMaker(
        ArrayImages([flat] * 4), np.full(4, Label.NORMAL, np.int8), Pixels(),
        AnomalySimulator(mix="broad"), 64, 0, noise,
    )  # fmt: skip
    return maker.make(np.arange(4), 4, 0)


def test_noise_is_taken_off_simulated_defects_too():
    sharp, blurred = (rounds(noise) for noise in (0.0, 12.0))
    np.testing.assert_array_equal(sharp.masks, blurred.masks)
    steepest = [
        np.abs(np.diff(found.simulated["pixels"], axis=2)).max() for found in (sharp, blurred)
    ]
    assert steepest[0] > 1.3 * steepest[1]
