"""The trained network, run by ONNX Runtime; no torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features, Network

INPUTS = ("fine", "middle", "coarse")
OUTPUTS = ("map", "image")
# Pixels whose mean is an image's score, at 256 px a side: both papers' number.
_N_TOP, _TOP_SIDE_PX = 100, 256


class Head:
    """Memory, fusion and decoder as one ONNX model.

    Parameters
    ----------
    model : ONNX bytes; inputs `INPUTS` (n, c, h, w) float32, outputs `OUTPUTS`
    stages : names of the encoder's levels, fine to coarse

    Raises
    ------
    BundleError : the model does not load or has other outputs.
    """

    def __init__(self, model: bytes, stages: Sequence[str]) -> None:
        self._network = Network(model, list(OUTPUTS), what="the trained head")
        self.stages = tuple(stages)

    def run(self, features: Features) -> tuple[NDArray[np.float32], float]:
        """Return the (h, w) map of logits and the image's logit, alone, so that company cannot matter."""
        feed = {
            name: np.ascontiguousarray(features[stage].transpose(2, 0, 1)[None])
            for name, stage in zip(INPUTS, self.stages, strict=True)
        }
        logits, image_logits = self._network.run(feed)
        return logits[0], float(image_logits[0])


def count_top(n_pixels: int) -> int:
    """Return how many pixels of a map make the image's score."""
    return max(1, round(_N_TOP * n_pixels / _TOP_SIDE_PX**2))


def top_pixels(heat: NDArray[np.float32]) -> float:
    """Return the mean logit of the highest pixels, as many as 100 are of an image of 256 px.

    Both papers average probabilities; logits keep their order, and do not saturate where many are near 1.
    """
    n = count_top(heat.size)
    flat = heat.ravel()
    return float(np.partition(flat, flat.size - n)[-n:].mean(dtype=np.float64))
