"""What is normal, seen in three ways: place by place, patch by patch, and the image as a whole.

Sources: Defard et al. 2020 (PaDiM) for a Gaussian a place; Roth et al. 2022 (PatchCore) for the distance to
the nearest normal patch; Rippel et al. 2020 for one Gaussian of the whole image. Places know products that
always lie alike and need many images; patches know products that lie anywhere, and need few. Differs from
them: places are described by principal directions within places, and where images are few, covariances lean
on that of all places; distances are standardized, place by place, by what they are on normals left out, and
added there, so that an image is odd where both find it odd.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Backbone, Features
from defectory.detectors.arrays import check_array
from defectory.detectors.base import Arrays
from defectory.detectors.evidence.measurements import Measurements, Samples, Weights
from defectory.detectors.evidence.place_grid import PlaceGrid
from defectory.detectors.evidence.scales import Scales
from defectory.detectors.evidence.speeds import BALANCED, Speed
from defectory.detectors.gaussian_field import GaussianField, restore_field
from defectory.detectors.grids import mean_and_spread, stack_stages
from defectory.detectors.grouping import Groups
from defectory.detectors.moments import RunningMoments, moments_of
from defectory.detectors.patch_bank import N_WHITENING, PatchBank
from defectory.detectors.statistics import FitStatistics
from defectory.domain import ParameterError
from defectory.machine import count_readers, map_ordered

Float = NDArray[np.float32]
Described = NDArray[np.int8]

PLACE_STAGES = ("block7", "block10", "block14")
PATCH_STAGES = ("block7", "block10", "block15")
IMAGE_STAGE = "block15"
# Images that the covariance of a place is worth as much as that of all places, and the identity's share.
_PRIOR_OF_COVARIANCE, _IDENTITY_SHARE = 20, 0.02
# Patches of places that weigh less are not remembered.
_LEAST_WEIGHT = 0.6
_BANK = "bank."
# Leading directions that tell what a place looks like.
_N_COMPONENTS = 96
STEP = 0.1
"""Of the numbers of `describe`, in deviations over good images; far below the noise of any."""


class Normality:
    """Gaussians of places, a memory of patches, and a Gaussian of the whole image.

    Parameters
    ----------
    shape_px : (height, width), multiples of 32, that images are resized to
    speed : how many patches are remembered, and by how many directions places are told
    seed : of the memory's first choices
    """

    stages: ClassVar[tuple[str, ...]] = (*PLACE_STAGES, IMAGE_STAGE)

    scales_: Scales

    def __init__(
        self, shape_px: tuple[int, int], *, speed: Speed = BALANCED, seed: int = 0
    ) -> None:
        self.speed, self.seed = speed, seed
        self.grid = PlaceGrid.of(shape_px)
        self._basis: Mapping[str, NDArray[Any]] | None = None

    @property
    def model_bytes(self) -> int:
        """What a fitted model takes, in bytes."""
        return 4 * self.grid.n_places * self.speed.n_place_dims**2

    def estimate_bytes(self, n_images: int) -> int:
        """Return the peak of fit beside the process: moments, working copies, waiting and held-out values."""
        p, q, width = self.grid.n_places, self.grid.n_patches, 512
        moments = 3 * self.model_bytes
        waiting = min(n_images * q, N_WHITENING + q) * 4 * width
        waiting += min(n_images * p, N_WHITENING) * 4 * 384
        memory = 3 * 32768 * 130 * 4 + 4 * 256 * self.speed.n_patches * 4
        held_out = min(n_images, 2000) * 8 * (q + p)
        return moments + 2 * waiting + memory + held_out

    def sample(self, batch: list[Features]) -> Samples:
        """Return what the three are about, of each image."""
        grid = self.grid
        places = [grid.mean(stack_stages(f, PLACE_STAGES, grid.patches)) for f in batch]
        return Samples(
            np.ascontiguousarray(np.stack(places).swapaxes(0, 1)),
            [stack_stages(f, PATCH_STAGES, grid.patches) for f in batch],
            mean_and_spread(batch, IMAGE_STAGE),
        )

    def learn(
        self, batches: Iterator[list[Features]], groups: Groups, weights: Weights | None = None
    ) -> Self:
        """Take the first pass over the normals; see `collect`."""
        return self.take(self.collect(batches, groups, weights))

    def collect(
        self, batches: Iterator[list[Features]], groups: Groups, weights: Weights | None = None
    ) -> FitStatistics:
        """Return what a pass over normals leaves of them.

        In terms of a basis that was taken before, or else of one that the first images show.

        Parameters
        ----------
        batches : features of n images
        groups : (n,) numbers; what is left out later is a whole group
        weights : of the n images; None for 1
        """
        if weights is None:
            weights = Weights.equal(len(groups), self.grid.n_places)
        remembers = weights.places >= min(_LEAST_WEIGHT, float(weights.places.max()))
        memory = self.make_bank()
        is_ready = self._basis is not None
        if self._basis is not None:
            memory.take_basis(_bank_part(self._basis))
        bank = memory.learn(int(remembers.any(axis=1).sum()))
        waiting: list[Float] = []
        whole, places = RunningMoments(), RunningMoments()
        done = 0
        for batch in batches:
            samples = self.sample(batch)
            whole.add(samples.image[None], weights.image[None, done : done + len(batch)])
            waiting.append(samples.places)
            done += len(batch)
            is_enough = done * self.grid.n_places >= N_WHITENING
            if not is_ready and (is_enough or done == len(groups)):
                self._learn_directions(np.concatenate(waiting, axis=1))
                is_ready = True
            if is_ready:
                together = np.concatenate(waiting, axis=1)
                theirs = weights.places[done - together.shape[1] : done].T
                places.add(self._projected(together), np.ascontiguousarray(theirs))
                waiting = []
            for i, grid in enumerate(samples.patches, done - len(batch)):
                if remembers[i].any():
                    bank.add(grid, int(groups[i]), self.grid.repeat(remembers[i]))
        filled = bank.finish()
        basis = {
            "directions": self.directions_,
            "variances": self.variances_,
            **{f"{_BANK}{key}": value for key, value in filled.basis.items()},
        }
        moments = {"places": places.moments(), "image": whole.moments()}
        return FitStatistics(done, moments, filled.coreset, basis)

    def take_basis(self, basis: Mapping[str, NDArray[Any]]) -> Self:
        """Take directions and whitening in whose terms others have collected."""
        self.directions_, self.variances_ = basis["directions"], basis["variances"]
        self._basis = basis
        return self

    def take(self, statistics: FitStatistics) -> Self:
        """Take what passes over normals left, and its memory."""
        self.take_basis(statistics.basis)
        places, image = statistics.moments["places"], statistics.moments["image"]
        n_eff = float(np.mean(image.n))
        share = _IDENTITY_SHARE + _PRIOR_OF_COVARIANCE / (_PRIOR_OF_COVARIANCE + n_eff)
        share = float(np.float32(min(share, 1.0)))  # as bundles store it
        self.places_ = GaussianField.of(places, share, self._target(share))
        self.image_ = GaussianField.of(image, _IDENTITY_SHARE)
        assert statistics.coreset is not None
        bank = self.make_bank().take_basis(_bank_part(statistics.basis))
        self.bank_ = bank.take(statistics.coreset)
        return self

    @property
    def statistics(self) -> FitStatistics:
        """What it was fitted on, as exact as bundles keep it."""
        moments = {
            "places": moments_of(self.places_, self._target(self.places_.shrinkage)),
            "image": moments_of(self.image_),
        }
        basis = {
            "directions": self.directions_,
            "variances": self.variances_,
            **{f"{_BANK}{key}": value for key, value in self.bank_.basis.items()},
        }
        n_images = round(float(np.mean(self.image_.n_samples)))
        return FitStatistics(n_images, moments, self.bank_.coreset, basis)

    def keep_scales(self, other: "Normality") -> None:
        """Take all scales of another model, and round the Gaussians as bundles do."""
        self.round()
        self.scales_ = other.scales_

    def _target(self, share: float) -> Float:
        """Return (d,), what covariances of places are shrunk towards by so much: that of all, in part."""
        identity = _IDENTITY_SHARE / share
        target: Float = (1 - identity) * self.variances_ / self.variances_.mean() + identity
        return target

    def measure_left_out(
        self, samples: Samples, groups: Groups, weights: Weights | None = None
    ) -> Measurements:
        """Return measurements of images that were learned from, each by the model without its group.

        Only before `standardize`. Groups (whole ones) and weights are theirs in `learn`.
        """
        own = weights or Weights.equal(len(samples), self.grid.n_places)
        places = self.places_.leave_groups_out(
            self._projected(samples.places)[:, :, None],
            groups,
            np.ascontiguousarray(own.places.T),
        )
        patches = self._patch_distances(samples.patches, groups.tolist())
        image = self.image_.leave_groups_out(samples.image[None, :, None], groups, own.image[None])[
            0, :, 0
        ]
        return Measurements(_rows(places[:, :, 0]), patches, image)

    def measure(self, samples: Samples) -> Measurements:
        """Return measurements of images that were not learned from.

        No image's depend, not even by rounding, on the others.
        """
        patches = self._patch_distances(samples.patches, [None] * len(samples))
        image = self.image_.distances(samples.image[None])[0]
        places = self.places_.distances(self._projected(samples.places))
        return Measurements(_rows(places), patches, image)

    def standardize(self, measured: Measurements, weights: Float | None = None) -> None:
        """Set all scales by normals left out, of weights (n,); round the Gaussians as bundles do."""
        self.round()
        self.scales_ = Scales.of(measured, weights, self.grid)

    def round(self) -> None:
        """Round the Gaussians as bundles do; nothing can be left out in closed form after it."""
        self.places_.round()
        self.image_.round()

    def image_scores(self, measured: Measurements) -> Float:
        """Return (n,) scores; see Scales.image_scores."""
        return self.scales_.image_scores(measured, self.grid)

    def scores_within(self, measured: Measurements) -> Float:
        """Return (n,) scores within a collection; see Scales.scores_within."""
        return self.scales_.scores_within(measured, self.grid)

    def standardized_parts(self, measured: Measurements) -> tuple[Float, Float]:
        """Return (n, p) distances by place and by patch; see Scales.by_part."""
        return self.scales_.by_part(measured, self.grid)

    def standardized_places(self, measured: Measurements) -> Float:
        """Return (n, p), both added; see Scales.by_place."""
        return self.scales_.by_place(measured, self.grid)

    def map_cells(self, measured: Measurements) -> Float:
        """Return the (n, rows, columns) values of the map: distances of patches, 1 for a usual one.

        Not standardized place by place: where the product is restless, defects are larger too. Without the
        Gaussians, which blur where they find a defect (measured on all development sets).
        """
        values = measured.patches / self.scales_.unit
        return values.reshape(len(values), *self.grid.patches)

    def highest_of_map(self, measured: Measurements) -> Float:
        """Return (n, p), the highest value of the map in each place."""
        return self.grid.highest(measured.patches / self.scales_.unit)

    def describe(self, samples: Samples) -> Described:
        """Return (n, p, w) int8, in steps of `STEP`: what sets each place apart from its mean.

        Coarse in fit and score alike, so that both see the same, and a bundle can remember many images.
        """
        n = self.n_components
        scale = np.float32(STEP) * np.sqrt(self.variances_[-n:])
        rows = [
            (projected[:, -n:] - self.places_.means[:, -n:]) / scale
            for projected in self._projected(samples.places).swapaxes(0, 1)
        ]
        found: Described = np.clip(np.rint(np.stack(rows)), -127, 127).astype(np.int8)
        return found

    @property
    def leaves_out_when_rounded(self) -> bool:
        """Whether images can be left out in closed form after rounding: there are more than directions.

        Where an image is all that a direction knows, rounding decides what is left without it.
        """
        return bool(np.mean(self.image_.n_samples) > self.image_.means.shape[1])

    @property
    def n_components(self) -> int:
        """Columns of `describe`, w."""
        return min(_N_COMPONENTS, len(self.variances_))

    def absorb(self, samples: Samples, tags: Sequence[int]) -> "Normality":
        """Return the model that has learned from more images; this one and all scales are unchanged.

        Parameters
        ----------
        tags : of n images, numbers that tell their patches from those of others
        """
        found = copy(self)
        found.places_ = self.places_.absorb(self._projected(samples.places))
        found.image_ = self.image_.absorb(samples.image[None])
        for grid, tag in zip(samples.patches, tags, strict=True):
            found.bank_ = found.bank_.absorb(grid, tag)
        return found

    def arrays(self) -> Arrays:
        """Return the Gaussians, the memory and the scales."""
        named: Arrays = {
            "directions": self.directions_,
            "variances": self.variances_,
            **self.scales_.arrays(),
            "fits": np.array(
                [
                    [np.mean(field.n_samples), field.shrinkage]
                    for field in (self.places_, self.image_)
                ],
                np.float32,
            ),
        }
        for prefix, part in (
            ("places", self.places_),
            ("image", self.image_),
            ("bank", self.bank_),
        ):
            named |= {f"{prefix}.{key}": value for key, value in part.arrays().items()}
        return {**named, f"{_BANK}tags": self.bank_.tags}

    def restore(self, arrays: Mapping[str, NDArray[Any]], backbone: Backbone) -> Self:
        """Take the state that `arrays` gave."""
        n_channels = {stage.name: stage.n_channels for stage in backbone.stages}
        widths = [sum(n_channels[s] for s in stages) for stages in (PLACE_STAGES, PATCH_STAGES)]
        self.directions_ = check_array(arrays, "directions", (widths[0], None))
        d = self.directions_.shape[1]
        self.variances_ = check_array(arrays, "variances", (d,))
        self.scales_ = Scales.restore(arrays, self.grid)
        fits = check_array(arrays, "fits", (2, 2))
        if (self.variances_ <= 0).any() or (fits <= 0).any():
            raise ParameterError("a variance or the shrinkage is not positive")
        self.places_ = restore_field(
            arrays, "places", (self.grid.n_places, d), *map(float, fits[0])
        )
        n_image = 2 * n_channels[IMAGE_STAGE]
        self.image_ = restore_field(arrays, "image", (1, n_image), *map(float, fits[1]))
        bank = {k.removeprefix("bank."): v for k, v in arrays.items() if k.startswith("bank.")}
        self.bank_ = self.make_bank().restore(bank, widths[1])
        return self

    def make_bank(self) -> PatchBank:
        """Return a memory of patches that has learned nothing."""
        return PatchBank(
            n_bank=self.speed.n_patches, n_dims=self.speed.n_patch_dims, seed=self.seed
        )

    def _patch_distances(self, grids: Sequence[Float], groups: Sequence[int | None]) -> Float:
        """Return (n, q) distances of patches, each image by the memory without its group; several at once."""

        def measure_one(image: tuple[Float, int | None]) -> Float:
            grid, group = image
            return self.bank_.distances(grid, without=group).ravel()

        pairs = zip(grids, groups, strict=True)
        return np.stack(list(map_ordered(measure_one, pairs, min(count_readers(), len(grids)))))

    def _learn_directions(self, places: Float) -> None:
        """Set the principal directions within places, and their variances, from (p, n, d) samples."""
        centered = places - places.mean(axis=1, keepdims=True)
        flat = centered.reshape(-1, centered.shape[2])
        variances, directions = np.linalg.eigh(flat.T @ flat / np.float32(len(flat)))
        n = min(self.speed.n_place_dims, len(variances))
        self.directions_ = np.ascontiguousarray(directions[:, -n:], np.float32)
        floor = 1e-6 * max(float(variances[-1]), 1e-6)
        self.variances_ = np.maximum(variances[-n:], floor).astype(np.float32)

    def _projected(self, places: Float) -> Float:
        """Return (p, n, d), places by the directions; each image alone, as products round by their shape."""
        alone = [np.ascontiguousarray(place) @ self.directions_ for place in places.swapaxes(0, 1)]
        return np.stack(alone, axis=1)


def _bank_part(basis: Mapping[str, NDArray[Any]]) -> Arrays:
    return {k.removeprefix(_BANK): v for k, v in basis.items() if k.startswith(_BANK)}


def _rows(values: Float) -> Float:
    """Return (n, p) of (p, n), laid out image by image: sums are rounded by how values lie in memory."""
    return np.ascontiguousarray(values.T)
