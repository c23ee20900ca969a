"""The trained network, run by ONNX Runtime; no torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features, Network

INPUTS = ("fine", "middle", "coarse")
OUTPUTS = ("map", "image")


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
        self._stages = tuple(stages)

    def run(self, features: Features) -> tuple[NDArray[np.float32], float]:
        """Return the (h, w) map of logits and the image's logit, alone, so that company cannot matter."""
        feed = {
            name: np.ascontiguousarray(features[stage].transpose(2, 0, 1)[None])
            for name, stage in zip(INPUTS, self._stages, strict=True)
        }
        logits, image_logits = self._network.run(feed)
        return logits[0], float(image_logits[0])
