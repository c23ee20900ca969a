"""Pictures that show the same thing though their bytes differ.

All pictures of one product resemble each other, so three steps are taken: a perceptual hash of
what is individual in each picture proposes pairs; a comparison of their fine structure confirms
them; and a pair has to be far more alike than random pairs of this collection are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from defectory.sources.fine_structure import (
    THUMBNAIL_PX,
    FineStructure,
    Floats,
    Pairs,
    Thumbnails,
)

_HASH_SIDE = 8
_HASH_BITS = 2 * _HASH_SIDE**2
_HASH_CHUNK = 1024
_MAX_CANDIDATES = 6  # an image; bounds the work where a whole collection hashes alike
_MIN_AGREEMENT = 0.9
_RELATIVE_GAP = 0.35
_SAME_PICTURE_AGREEMENT = 0.93
_SAME_PICTURE_CORRELATION = 0.985
_N_RANDOM_PAIRS = 200
_MIN_IMAGES_FOR_USUAL = 20


@dataclass(frozen=True)
class SimilarPair:
    """Two images that show the same thing.

    Attributes
    ----------
    first, second : indices of the images, first < second
    agreement : how alike their fine structure is, at most 1
    correlation : how alike they are as a whole, light and shade included, at most 1
    is_same_picture : True for one picture saved again (rescaled, brightened, slightly shifted);
        False for the same part photographed again under other light
    """

    first: int
    second: int
    agreement: float
    correlation: float
    is_same_picture: bool


def find_similar_pairs(thumbnails: Thumbnails) -> list[SimilarPair]:
    """Return the pairs of images that show the same thing, ordered by their indices.

    Parameters
    ----------
    thumbnails : (n, 64, 64) uint8, gray
        Whole images, squeezed to the square.

    Notes
    -----
    Hash: difference hash (of rows and columns), here of the deviation from the collection's
    average. A pair is confirmed where its agreement (see `FineStructure`) is at least 0.9 and
    closes 65 % of the gap between random pairs (their 90th percentile) and identity. Blind to
    pictures without structure and to crops of more than about 2 %; of a part photographed more
    than seven times some pairs are left out. Cost: time O(n^2) for the hashes, as matrix products
    (10,000 images: seconds), O(n) for the comparison; memory O(1024 n). Random: nothing (the
    random pairs are drawn with a fixed seed).
    """
    structure = FineStructure(thumbnails)
    pairs, agreement = alike_pairs(structure)
    found = []
    for (i, j), value in zip(pairs.tolist(), agreement.tolist(), strict=True):
        if value < _MIN_AGREEMENT:
            continue
        correlation = structure.correlation(i, j)
        same = value >= _SAME_PICTURE_AGREEMENT and correlation >= _SAME_PICTURE_CORRELATION
        found.append(SimilarPair(i, j, round(value, 4), round(correlation, 4), same))
    return found


def alike_pairs(structure: FineStructure) -> tuple[Pairs, Floats]:
    """Return (m, 2) pairs of images, i < j, sorted, that agree unusually well, and their (m,) agreements.

    Unusual is what closes 65 % of the gap between random pairs of the collection (their 90th percentile)
    and identity; among fewer than 20 images, 0.9.
    """
    n = len(structure.thumbnails)
    if n < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32)
    candidates = _candidates(_hash_bits(structure.thumbnails))
    agreement = structure.agreements(candidates)
    alike = agreement >= _unusual(structure, n)
    return candidates[alike], agreement[alike]


def _hash_bits(thumbnails: Thumbnails) -> NDArray[np.float32]:
    """Return (n, 128) float32 of -1 and +1: the hash of what is individual in each image."""
    side = _HASH_SIDE + 1
    step = THUMBNAIL_PX // side  # 9 x 9 cells of 7 px cover 63 of the 64 px
    whole = thumbnails[:, : side * step, : side * step].reshape(-1, side, step, side, step)
    cells = whole.mean((2, 4), dtype=np.float32)
    cells -= cells.mean((1, 2), keepdims=True)
    cells /= np.maximum(cells.std((1, 2), keepdims=True), 1.0)
    if len(cells) >= _MIN_IMAGES_FOR_USUAL:  # of few images the average would be the images
        cells -= cells.mean(0)
    inner = cells[:, :_HASH_SIDE, :_HASH_SIDE]
    is_brighter = np.stack([inner < cells[:, :-1, 1:], inner < cells[:, 1:, :-1]], axis=1)
    return is_brighter.reshape(len(cells), _HASH_BITS).astype(np.float32) * 2 - 1


def _candidates(bits: NDArray[np.float32]) -> Pairs:
    """Return (m, 2): each image with its few nearest by hash, i < j, sorted, without repeats."""
    n = len(bits)
    k = min(_MAX_CANDIDATES, n - 1)
    found = []
    for start in range(0, n, _HASH_CHUNK):
        rows = np.arange(start, min(start + _HASH_CHUNK, n))
        likeness = bits[rows] @ bits.T
        likeness[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argpartition(-likeness, k - 1, axis=1)[:, :k]
        found.append(np.stack([np.repeat(rows, k), nearest.ravel()], axis=1))
    pairs = np.sort(np.concatenate(found).astype(np.int64), axis=1)
    return np.unique(pairs, axis=0)


def _unusual(structure: FineStructure, n_images: int) -> float:
    """Return the agreement that tells a pair, given how well random pairs of the collection agree."""
    if n_images < _MIN_IMAGES_FOR_USUAL:
        return _MIN_AGREEMENT
    drawn = np.random.default_rng(0).integers(0, n_images, (_N_RANDOM_PAIRS, 2))
    usual = float(np.quantile(structure.agreements(drawn[drawn[:, 0] != drawn[:, 1]]), 0.9))
    return 1 - _RELATIVE_GAP * (1 - usual)
