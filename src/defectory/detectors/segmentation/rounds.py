"""What the network is taught in one round: normal images, and defects simulated in them. No torch."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.backbones.preparation import clean_square, prepare_image
from defectory.detectors.grouping import Groups
from defectory.detectors.segmentation.inputs import InputReader, Inputs, take
from defectory.domain import ImageSource, Label, MaskSource
from defectory.domain.images import Image, Mask
from defectory.machine import count_readers, map_ordered
from defectory.simulation import AnomalySimulator

Indices = NDArray[np.intp]

# Names of random streams beside the seed: no two of them may share draws.
_TRAINING, _VALIDATION = 1, 2
# Of images that are not held out: one of so many, at most.
_VALIDATED_PART, _MAX_VALIDATED = 8, 32


@dataclass(frozen=True)
class Round:
    """Images of one round, each with a simulated defect beside it.

    Attributes
    ----------
    indices : (n,) of the images
    labels : (n,) codes, NORMAL or UNLABELED
    normals, simulated : Inputs of n rows each
    masks : (n, side, side) bool, of the simulated defects
    """

    indices: Indices
    labels: NDArray[np.int8]
    normals: Inputs
    simulated: Inputs
    masks: NDArray[np.bool_]


@dataclass(frozen=True)
class KnownAnomalies:
    """Defective images that a person has labeled.

    Attributes
    ----------
    inputs : Inputs of n rows
    masks : (n, side, side) bool
    has_mask : (n,) bool; where it is False, only that the image is defective is known
    """

    inputs: Inputs
    masks: NDArray[np.bool_]
    has_mask: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.has_mask)

    def rows(self, rows: Indices) -> "KnownAnomalies":
        """Return some of them."""
        return KnownAnomalies(take(self.inputs, rows), self.masks[rows], self.has_mask[rows])


@dataclass(frozen=True)
class RoundMaker:
    """Draws rounds; a round is a function of seed and number alone, so that a resumed run sees the same.

    Attributes
    ----------
    images, labels : the training set
    reader : makes Inputs
    simulator : of defects
    side_px : of the square that defects are drawn in
    seed : of all draws
    noise : taken off the images with the defects in them
    """

    images: ImageSource
    labels: NDArray[np.int8]
    reader: InputReader
    simulator: AnomalySimulator
    side_px: int
    seed: int
    noise: float = 0.0

    def make(self, pool: Indices, n: int, number: int) -> Round:
        """Return round `number`: n images of the pool, each at most once more often than another."""
        rng = np.random.default_rng([self.seed, _TRAINING, number])
        order = np.concatenate([rng.permutation(pool) for _ in range(-(-n // len(pool)))])
        return self._filled(order[:n], _TRAINING, number)

    def make_validation(self, validation: Indices) -> Round:
        """Return the images that choose which weights are kept, with fixed defects."""
        return self._filled(validation, _VALIDATION, 0)

    def _filled(self, indices: Indices, stream: int, number: int) -> Round:
        listed = [int(i) for i in indices]
        jobs = [(i, (self.seed, stream, number, place)) for place, i in enumerate(listed)]
        drawn = list(map_ordered(self._draw, jobs, count_readers()))
        return Round(
            indices=indices,
            labels=self.labels[indices],
            normals=self.reader.read(self.images, listed),
            simulated=self.reader.prepare(image for image, _ in drawn),
            masks=np.stack([mask for _, mask in drawn]),
        )

    def _draw(self, job: tuple[int, Sequence[int]]) -> tuple[Image, Mask]:
        index, key = job
        image = self.images.read([index])[0]
        square = prepare_image(image, self.side_px, even_exposure=False)
        drawn = self.simulator.simulate(square, np.random.default_rng(key))
        return clean_square(drawn.image, image, self.noise), drawn.mask


def split_normals(
    labels: NDArray[np.int8], n_held_out: int, seed: int, groups: Groups
) -> tuple[Indices, Indices]:
    """Return (train, held out) indices of images that are not labeled anomalous; both sorted.

    Labeled normals are held out first: what calibrates should be confirmed where it can be. Of a group, all
    images or none are held out: the last one may make them more than wanted, up to half of all.
    """
    rng = np.random.default_rng(seed)
    usable = rng.permutation(np.flatnonzero(labels != Label.ANOMALOUS))
    confirmed_first = usable[np.argsort(labels[usable] != Label.NORMAL, kind="stable")]
    numbers = groups[confirmed_first]
    size_of = Counter(numbers.tolist())
    chosen: list[int] = []
    n = 0
    for number in size_of:
        if n < n_held_out and n + size_of[number] <= len(numbers) // 2:
            chosen.append(number)
            n += size_of[number]
    is_held_out = np.isin(numbers, chosen)
    return np.sort(confirmed_first[~is_held_out]), np.sort(confirmed_first[is_held_out])


def split_validation(train: Indices, seed: int) -> tuple[Indices, Indices]:
    """Return (train, validation) of images that are not held out; both sorted.

    Validation chooses which weights are kept, so that none of it may calibrate. It takes an eighth, at most
    32; of fewer than 8 images none can be spared: they do both.
    """
    n = min(_MAX_VALIDATED, len(train) // _VALIDATED_PART)
    if not n:
        return train, train
    order = np.random.default_rng([seed, _VALIDATION]).permutation(train)
    return np.sort(order[n:]), np.sort(order[:n])


def fingerprint_each(
    images: ImageSource, codes: NDArray[np.int8], masks: MaskSource | None, groups: Groups
) -> Iterator[str]:
    """Yield a text an image of all that training goes by, so that it is only resumed where all is as it was.

    Parameters
    ----------
    codes, groups : (n,), of Label and which images belong together
    """
    for i, (code, group) in enumerate(zip(codes.tolist(), groups.tolist(), strict=True)):
        mask = masks.read(i) if masks is not None and code == Label.ANOMALOUS else None
        marked = "" if mask is None else hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()
        yield f"{images.fingerprint(i)} {code} {group} {marked}"
