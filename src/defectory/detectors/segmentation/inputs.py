"""From images to what the trainable network reads: frozen features, or prepared pixels. No torch."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, View
from defectory.backbones.preparation import prepare_image
from defectory.domain import ImageSource
from defectory.domain.images import Image
from defectory.machine import count_readers, map_ordered

Inputs = tuple[NDArray[Any], ...]
"""Arrays of n rows each: three levels (n, c, h, w) float16, or one (n, side, side, 3) uint8."""

LEVELS = ("block4", "block10", "block14")
"""Stages of the packaged backbone at 1/8, 1/16 and 1/32 of the side."""


class InputReader(Protocol):
    """Turns images into rows of Inputs."""

    def read(self, images: ImageSource, indices: Sequence[int]) -> Inputs:
        """Return the rows of images of a source, through the cache where there is one."""
        ...

    def prepare(self, images: Iterable[Image]) -> Inputs:
        """Return the rows of images that were made a moment ago, of squares without noise."""
        ...


class FrozenInputs:
    """Levels of the frozen backbone."""

    def __init__(self, backbone: Backbone, view: View) -> None:
        self._backbone = backbone
        self._view = view

    def read(self, images: ImageSource, indices: Sequence[int]) -> Inputs:
        """See InputReader."""
        return _stack(map(_levels_of, self._backbone.extract(images, self._view, indices)))

    def prepare(self, images: Iterable[Image]) -> Inputs:
        """See InputReader."""
        return _stack(map_ordered(self._run, images, count_readers()))

    def _run(self, image: Image) -> Inputs:
        return _levels_of(self._backbone.run(image, replace(self._view, noise=0.0)))


class PixelInputs:
    """Prepared pixels, for an encoder that is trained itself."""

    def __init__(self, view: View) -> None:
        self._view = view

    def read(self, images: ImageSource, indices: Sequence[int]) -> Inputs:
        """See InputReader."""
        return _stack(self._prepare(images.read([index])[0], self._view.noise) for index in indices)

    def prepare(self, images: Iterable[Image]) -> Inputs:
        """See InputReader."""
        return _stack(self._prepare(image, 0.0) for image in images)

    def _prepare(self, image: Image, noise: float) -> Inputs:
        view = self._view
        return (prepare_image(image, view.side_px, even_exposure=view.even_exposure, noise=noise),)


def take(inputs: Inputs, rows: slice | NDArray[np.intp]) -> Inputs:
    """Return some of the rows."""
    return tuple(array[rows] for array in inputs)


def join(parts: Sequence[Inputs]) -> Inputs:
    """Return the rows of all parts, in order."""
    return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))


def _levels_of(features: dict[str, NDArray[np.float32]]) -> Inputs:
    return tuple(features[name].transpose(2, 0, 1).astype(np.float16) for name in LEVELS)


def _stack(rows: Iterable[Inputs]) -> Inputs:
    return tuple(np.stack(arrays) for arrays in zip(*rows, strict=True))
