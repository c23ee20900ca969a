"""The two encoders of MCOD, from images to what the twins are trained on, whole and in folds."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from defectory.backbones import Backbone, View
from defectory.backbones.preparation import prepare_image
from defectory.detectors.contrast.augmentation import AUGMENTATIONS, AugmentedImages, augment
from defectory.detectors.contrast.encoding import GRID_SIDE, PackagedEncoder
from defectory.detectors.contrast.projection import Float, Projection, pool_grids
from defectory.detectors.contrast.shipping import ship_backbone
from defectory.detectors.contrast.twins import ImageViews
from defectory.domain import ImageSource, Progress
from defectory.networks.heads import ContrastNetwork, ProjectionEncoder
from defectory.networks.wide_resnet import SIDE_PX, WideResNetEncoder

Rows = NDArray[np.intp]

MAX_SAMPLE = 2000
"""Images whose whole features are kept, at most: projections are fitted on them, and held-out scores made."""


class TrainingSetup(Protocol):
    """What an encoder makes of the images of a fit."""

    sample: Rows
    """The images that folds are made of: all, or a random share where there are many."""

    def views(self) -> ImageViews:
        """Return all images."""
        ...

    def fold(self, train: Rows, test: Rows) -> tuple[ImageViews, ImageViews]:
        """Return two parts of the sample, the second read by what the first alone tells."""
        ...

    def make_network(self, views: ImageViews, n_slots: int) -> ContrastNetwork:
        """Return an untrained network for such views."""
        ...

    def ship_encoder(self, network: ContrastNetwork) -> PackagedEncoder | None:
        """Return what turns the backbone's features into the network's; None where it is the backbone."""
        ...

    def ship_backbone(self, network: ContrastNetwork) -> Backbone:
        """Return the backbone that scores images, without torch and without a cache."""
        ...


class VectorViews:
    """Vectors (n, v, d): the image as it is, then its other views."""

    def __init__(self, vectors: Float) -> None:
        self.vectors = torch.from_numpy(vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def plain(self, indices: Rows) -> Tensor:
        """Return (b, d)."""
        return self.vectors[torch.from_numpy(indices), 0]

    def augmented(self, indices: Rows, rng: np.random.Generator) -> Tensor:
        """Return (b, d): one of the other views of each, at random."""
        which = rng.integers(1, self.vectors.shape[1], len(indices))
        return self.vectors[torch.from_numpy(indices), torch.from_numpy(which)]


class PixelViews:
    """Small images (n, h, w, 3) uint8; other views are drawn as they are asked for."""

    def __init__(self, images: NDArray[np.uint8], augmentation: str) -> None:
        self.images, self._augmentation = images, AUGMENTATIONS[augmentation]

    def __len__(self) -> int:
        return len(self.images)

    def plain(self, indices: Rows) -> Tensor:
        """Return (b, h, w, 3) uint8."""
        return torch.from_numpy(self.images[indices])

    def augmented(self, indices: Rows, rng: np.random.Generator) -> Tensor:
        """Return (b, h, w, 3) uint8, drawn anew."""
        return torch.from_numpy(augment(self.images[indices], self._augmentation, rng))


class PackagedSetup:
    """Frozen features, averaged onto a small grid, of each image and `n_views` views of it."""

    def __init__(
        self, images: ImageSource, backbone: Backbone, view: View,
        *, augmentation: str, n_views: int, n_dims: int, seed: int, progress: Progress,
    ) -> None:  # fmt: skip
        self._backbone, self._view, self._progress = backbone, view, progress
        self._n_dims, self._seed = n_dims, seed
        self._sources = packaged_sources(
            images, augmentation, side_px=view.side_px, n_views=n_views, seed=seed
        )
        order = np.random.default_rng(seed).permutation(len(images))
        self.sample = np.sort(order[:MAX_SAMPLE])
        self._rest = np.sort(order[MAX_SAMPLE:])
        progress.start("reading features", len(images) * len(self._sources))
        self._raw = self._read(self.sample)
        self._projection = self._fit_projection(self._raw)

    def views(self) -> VectorViews:
        """Return all images; those outside the sample are read only now."""
        n = len(self.sample) + len(self._rest)
        n_coordinates = len(self._projection.center)
        vectors = np.empty((n, len(self._sources), n_coordinates), np.float32)
        vectors[self.sample] = _project(self._projection, self._raw)
        for start in range(0, len(self._rest), MAX_SAMPLE):
            rows = self._rest[start : start + MAX_SAMPLE]
            vectors[rows] = _project(self._projection, self._read(rows))
        return VectorViews(vectors)

    def fold(self, train: Rows, test: Rows) -> tuple[VectorViews, VectorViews]:
        """Return two parts of the sample, by a projection fitted on the first."""
        projection = self._fit_projection(self._raw[train])
        return (
            VectorViews(_project(projection, self._raw[train])),
            VectorViews(_project(projection, self._raw[test])),
        )

    def make_network(self, views: ImageViews, n_slots: int) -> ContrastNetwork:
        """Return a projection network of the vectors' width."""
        return ProjectionEncoder(views.plain(np.zeros(1, np.intp)).shape[1], n_slots)

    def ship_encoder(self, network: ContrastNetwork) -> PackagedEncoder:
        """Return projection and network as arrays."""
        weights = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        return PackagedEncoder.from_network(self._projection, weights)

    def ship_backbone(self, network: ContrastNetwork) -> Backbone:
        """Return the frozen backbone; from here on it reads images as a shipped bundle does."""
        del network
        self._backbone.cache = None  # cached features are rounded
        return self._backbone

    def _fit_projection(self, raw: NDArray[np.float16]) -> Projection:
        rng = np.random.default_rng([self._seed, 2])
        return Projection.fit(raw[:, 0].astype(np.float32), self._n_dims, rng)

    def _read(self, rows: Rows) -> NDArray[np.float16]:
        """Return (len(rows), views, d), in half precision: it is what the cache keeps as well."""
        wanted = [int(row) for row in rows]
        return np.stack([self._read_source(source, wanted) for source in self._sources], axis=1)

    def _read_source(self, source: ImageSource, rows: Sequence[int]) -> NDArray[np.float16]:
        found = []
        for features in self._backbone.extract(source, self._view, rows):
            found.append(pool_grids(features, GRID_SIDE).astype(np.float16))
            self._progress.advance()
        return np.stack(found)


class ScratchSetup:
    """The images themselves, 32 px a side, for a network that is trained on nothing else."""

    def __init__(
        self, images: ImageSource, *, width: int, grid_side: int, augmentation: str, seed: int,
        progress: Progress,
    ) -> None:  # fmt: skip
        self._width, self._grid_side, self._augmentation = width, grid_side, augmentation
        progress.start("reading images", len(images))
        self._images = np.empty((len(images), SIDE_PX, SIDE_PX, 3), np.uint8)
        for i in range(len(images)):
            self._images[i] = prepare_image(images.read([i])[0], SIDE_PX, even_exposure=False)
            progress.advance()
        order = np.random.default_rng(seed).permutation(len(images))
        self.sample = np.sort(order[:MAX_SAMPLE])

    def views(self) -> PixelViews:
        """Return all images."""
        return PixelViews(self._images, self._augmentation)

    def fold(self, train: Rows, test: Rows) -> tuple[PixelViews, PixelViews]:
        """Return two parts of the sample."""
        train_images, test_images = (self._images[self.sample[rows]] for rows in (train, test))
        return (
            PixelViews(train_images, self._augmentation),
            PixelViews(test_images, self._augmentation),
        )

    def make_network(self, views: ImageViews, n_slots: int) -> ContrastNetwork:
        """Return a WideResNet."""
        del views
        return WideResNetEncoder(self._width, n_slots, self._grid_side)

    def ship_encoder(self, network: ContrastNetwork) -> None:
        """Return nothing: the network is the backbone."""

    def ship_backbone(self, network: ContrastNetwork) -> Backbone:
        """Return the network, exported."""
        assert isinstance(network, WideResNetEncoder)
        return ship_backbone(network)


def packaged_sources(
    images: ImageSource, augmentation: str, *, side_px: int, n_views: int, seed: int
) -> list[ImageSource]:
    """Return what frozen features are read of: the images, and each of their other views."""
    drawn = [
        AugmentedImages(images, augmentation, side_px=side_px, seed=seed, view=number)
        for number in range(1, n_views + 1)
    ]
    return [images, *drawn]


def _project(projection: Projection, raw: NDArray[np.float16]) -> Float:
    n, v, d = raw.shape
    return projection(raw.astype(np.float32).reshape(n * v, d)).reshape(n, v, -1)
