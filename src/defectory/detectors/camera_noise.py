"""What detectors on frozen features learn of the camera: its noise, taken off every image in the same way."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.domain import ImageSource

_NAME = "noise"


class NoiseTaker:
    """A detector that measures noise at its fit and keeps it with its arrays.

    Attributes
    ----------
    denoise : take noise off where there is some; False leaves all images alone
    noise_ : gray levels, see `measure_noise`; 0 for images as they are
    """

    denoise: bool
    noise_: float = 0.0

    def _measure_noise(
        self,
        images: ImageSource,
        indices: Sequence[int] | NDArray[np.intp],
        shape_px: tuple[int, int],
    ) -> float:
        """Return the noise of images that are resized to (height, width); 0 where none is to be taken off."""
        # nothing is measured after the fit
        from defectory.backbones.camera_noise import measure_noise

        side_px = round((shape_px[0] * shape_px[1]) ** 0.5)
        return measure_noise(images, indices, side_px) if self.denoise else 0.0

    def _noise_arrays(self) -> Arrays:
        """Return the noise, or nothing where there is none."""
        return {_NAME: np.array([self.noise_], np.float32)} if self.noise_ else {}

    def _restore_noise(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.noise_ = float(check_array(arrays, _NAME, (1,))[0]) if _NAME in arrays else 0.0

    def _noise_basis(self) -> Arrays:
        """Return what parts of a fit share of it."""
        return {_NAME: np.array([self.noise_], np.float32)}

    def _take_noise_basis(self, basis: Mapping[str, NDArray[Any]]) -> None:
        self.noise_ = float(check_array(basis, _NAME, (1,))[0])
