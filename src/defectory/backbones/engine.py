"""Frozen features, image by image, on all cores."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.cards import Stage, WeightCard
from defectory.backbones.preparation import prepare_image
from defectory.backbones.sessions import Network
from defectory.domain import ImageSource, ParameterError
from defectory.domain.images import Image
from defectory.machine import count_readers, map_ordered

if TYPE_CHECKING:  # scoring reads each image once, and keeps no features
    from defectory.backbones.kept_features import FeatureStore

Features = dict[str, NDArray[np.float32]]
"""Stage name -> (h, w, c) float32; the grid covers the whole image."""

# Pixels of neighboring tiles that a tile sees, so that its border cells know their surroundings.
HALO_PX = 64
# Coarsest stride of the networks in use: sides and tiles are multiples of it.
_MULTIPLE_PX = 32
# An image of this side takes 200 MB; a bundle's settings must not be able to ask for any amount.
_MAX_WHOLE_PX = 8192
# A network takes about 1 GB for a square of this side.
_MAX_SIDE_PX = 2048
MAX_PIXELS = _MAX_SIDE_PX**2
"""Of an image that is read whole."""
_MAX_NOISE = 255.0


@dataclass(frozen=True)
class View:
    """How images are shown to a backbone.

    Attributes
    ----------
    side_px : multiple of 32, at most 2048
        side of the square that an image, or a tile of it, is resized to
    n_tiles : 1 to 16, and n_tiles * side_px at most 8192
        the image is resized to n_tiles * side_px and read in n_tiles x n_tiles overlapping tiles: for
        defects too small for one square, at n_tiles^2 times the cost and the same memory
    even_exposure, noise : see `prepare_image`
    shape_px : (height, width), multiples of 32 of at most 2048 x 2048 pixels, or None
        what the image is resized to in place of a square, read whole: for products that a square squeezes
    """

    side_px: int = 256
    n_tiles: int = 1
    even_exposure: bool = True
    noise: float = 0.0
    shape_px: tuple[int, int] | None = None

    @property
    def whole_px(self) -> tuple[int, int]:
        """Height and width that the image is resized to."""
        side_px = self.side_px * self.n_tiles
        return self.shape_px or (side_px, side_px)

    def __post_init__(self) -> None:
        if self.side_px < _MULTIPLE_PX or self.side_px % _MULTIPLE_PX:
            near = max(_MULTIPLE_PX, round(self.side_px / _MULTIPLE_PX) * _MULTIPLE_PX)
            raise ParameterError(
                f"size is {self.side_px} px; give a multiple of {_MULTIPLE_PX}, such as {near} or 256"
            )
        if self.side_px > _MAX_SIDE_PX:
            raise ParameterError(
                f"size is {self.side_px} px; give at most {_MAX_SIDE_PX}, and tiles for finer images"
            )
        if not 1 <= self.n_tiles <= 16:
            raise ParameterError(f"number of tiles a side is {self.n_tiles}; give 1 to 16")
        if self.side_px * self.n_tiles > _MAX_WHOLE_PX:
            raise ParameterError(
                f"{self.n_tiles} tiles of {self.side_px} px are more than {_MAX_WHOLE_PX} px; give fewer"
            )
        if not 0 <= self.noise <= _MAX_NOISE:
            raise ParameterError(f"noise is {self.noise}; give 0 to {_MAX_NOISE:g} gray levels")
        if self.shape_px is not None:
            self._check_shape(*self.shape_px)

    def _check_shape(self, height: int, width: int) -> None:
        fits = min(height, width) > 0 and height * width <= MAX_PIXELS
        if not fits or height % _MULTIPLE_PX or width % _MULTIPLE_PX or self.n_tiles != 1:
            raise ParameterError(
                f"images of {width} x {height} px cannot be read; give multiples of {_MULTIPLE_PX}, at most "
                f"{_MAX_SIDE_PX} x {_MAX_SIDE_PX} px in all, and no tiles"
            )


class Backbone:
    """A frozen network that gives several stages of features at once.

    Parameters
    ----------
    model : ONNX bytes; input `image` (n, h, w, 3) uint8 RGB, outputs named like the stages
    card : of the weights; what bundles and cache keys are named by
    stages : names of the outputs wanted
    cache : where `extract` looks first and stores; None extracts each time
    n_threads : images in flight at once; by default as many as cores and memory allow when they are read

    Raises
    ------
    BundleError : the model does not load or lacks a stage.
    """

    def __init__(
        self,
        model: bytes,
        card: WeightCard,
        stages: Sequence[str],
        *,
        cache: "FeatureStore | None" = None,
        n_threads: int | None = None,
    ) -> None:
        self.model = model
        self.card = card
        self.stages: tuple[Stage, ...] = tuple(card.stage(name) for name in stages)
        self.cache = cache
        self._n_threads = n_threads
        self._network = Network(model, [stage.name for stage in self.stages], what="the backbone")

    @property
    def provider(self) -> str:
        """What it runs on: cpu, openvino or cuda; of the machine, as the cache."""
        return self._network.provider

    def extract(
        self, images: ImageSource, view: View, indices: Sequence[int] | None = None
    ) -> Iterator[Features]:
        """Yield the features of the images, in order, one image at a time.

        An image's features do not depend on its companions. Through a cache they are rounded to its
        precision, whether they were found there or not.
        """
        wanted = range(len(images)) if indices is None else indices
        n_threads = self._n_threads or count_readers()
        return map_ordered(lambda i: self._extract_one(images, view, i), wanted, n_threads)

    def time_reading(self, images: ImageSource, view: View) -> float:
        """Return the seconds that one image takes, measured on the given few."""
        started = time.monotonic()
        for _ in self.extract(images, view):
            pass
        return (time.monotonic() - started) / len(images)

    def run(self, image: Image, view: View) -> Features:
        """Return the features of one image, past the cache."""
        prepared = prepare_image(
            image, view.whole_px, even_exposure=view.even_exposure, noise=view.noise
        )
        if view.n_tiles == 1:
            return self._run_session(prepared)
        return self._run_tiles(prepared, view)

    def _extract_one(self, images: ImageSource, view: View, index: int) -> Features:
        if self.cache is None:
            return self.run(images.read([index])[0], view)
        key = self._key(images.fingerprint(index), view)
        record = self.cache.get(key)
        if record is None or set(record) != {stage.name for stage in self.stages}:
            features = self.run(images.read([index])[0], view)
            record = {name: array.astype(self.cache.dtype) for name, array in features.items()}
            self.cache.put(key, record)
        return {stage.name: record[stage.name].astype(np.float32) for stage in self.stages}

    def _key(self, fingerprint: str, view: View) -> str:
        from defectory.backbones.cache_keys import feature_key, runtime_versions

        names = tuple(stage.name for stage in self.stages)
        return feature_key(
            fingerprint, self._model_digest, names, view, runtime_versions(self.provider)
        )

    @cached_property
    def _model_digest(self) -> str:
        return hashlib.sha256(self.model).hexdigest()

    def _run_session(self, prepared: Image) -> Features:
        outputs = self._network.run({"image": prepared[None]})
        return {
            stage.name: np.ascontiguousarray(output[0].transpose(1, 2, 0))
            for stage, output in zip(self.stages, outputs, strict=True)
        }

    def _run_tiles(self, prepared: Image, view: View) -> Features:
        """Run overlapping tiles and put their inner cells side by side."""
        side_px, whole_px = view.side_px, view.side_px * view.n_tiles
        stitched = {
            s.name: np.empty((whole_px // s.stride_px,) * 2 + (s.n_channels,), np.float32)
            for s in self.stages
        }
        for top in range(0, whole_px, side_px):
            for left in range(0, whole_px, side_px):
                y0, x0 = max(0, top - HALO_PX), max(0, left - HALO_PX)
                tile = prepared[y0 : top + side_px + HALO_PX, x0 : left + side_px + HALO_PX]
                features = self._run_session(np.ascontiguousarray(tile))
                for stage in self.stages:
                    cells, skip_y, skip_x, to_y, to_x = (
                        px // stage.stride_px for px in (side_px, top - y0, left - x0, top, left)
                    )
                    inner = features[stage.name][skip_y : skip_y + cells, skip_x : skip_x + cells]
                    stitched[stage.name][to_y : to_y + cells, to_x : to_x + cells] = inner
        return stitched
