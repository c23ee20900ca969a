"""Images that belong together stay together: in what is left out, in draws and in folds."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import Features
from defectory.detectors.grids import BATCH
from defectory.domain import members_of

Indices = NDArray[np.intp]
Groups = NDArray[np.int64]
Read = Callable[[Indices, str], Iterator[list[Features]]]
"""Images, and what they are read for -> their features in batches."""

MOST_TOGETHER = 32
"""Images of one group up to which Gaussians leave it out in closed form; larger ones go by folds."""


def draw_whole_groups(
    images: Indices, groups: Groups, limit: int, rng: np.random.Generator
) -> Indices:
    """Return some of the images, whole groups at random until `limit` is reached; a group lies together.

    Of a group of more than half the limit a random half of the limit is drawn, so that another is drawn, too:
    one alone cannot be left out. Such a group goes by folds.

    Parameters
    ----------
    images : (m,) to draw from, ascending
    groups : (n,) numbers of all images
    limit : >= 1; only a single group may exceed it
    """
    most = max(limit // 2, MOST_TOGETHER)
    own = groups[images]
    if len(np.unique(own)) == len(own):
        return np.sort(rng.permutation(images)[:limit])
    kept: list[int] = []
    for members in members_of(own, rng.permutation(np.unique(own)).tolist()):
        chosen = rng.permutation(images[members])[:most].tolist()
        if not kept or len(kept) + len(chosen) <= limit:
            kept += chosen
        if len(kept) == limit:
            break
    return together(np.array(sorted(kept), np.intp), groups)


def together(images: Indices, groups: Groups) -> Indices:
    """Return the images, those of a group one after the other, in the order of their first ones."""
    _, first, inverse = np.unique(groups[images], return_index=True, return_inverse=True)
    return images[np.argsort(first[inverse], kind="stable")]


def largest_group(groups: Groups) -> int:
    """Return how many images the largest group has; 0 without images."""
    return int(np.unique(groups, return_counts=True)[1].max(initial=0))


def whole_groups(
    batches: Iterable[Sequence[Features]], groups: Sequence[int]
) -> Iterator[tuple[list[Features], Groups]]:
    """Yield the images' features in batches that part no group, and the groups' numbers.

    Parameters
    ----------
    groups : of each image in turn; those of one group lie together
    """
    waiting: list[Features] = []
    done = 0
    images = (features for batch in batches for features in batch)
    for i, features in enumerate(images, 1):
        waiting.append(features)
        ends = i == len(groups) or groups[i] != groups[i - 1]
        if ends and (i == len(groups) or len(waiting) >= BATCH):
            yield waiting, np.asarray(groups[done:i], np.int64)
            waiting, done = [], i


def deal_groups(groups: Groups, order: Sequence[int], n_folds: int) -> Indices:
    """Return (n,) folds of images: groups are dealt in this order, the largest first, to the emptiest fold.

    Parameters
    ----------
    groups : (n,) numbers
    order : the groups' numbers; images of others get fold -1
    """
    numbers, counts = np.unique(groups, return_counts=True)
    size_of = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    sizes = [0] * n_folds
    folds = np.full(len(groups), -1, np.intp)
    fold_of: dict[int, int] = {}
    for number in sorted(order, key=lambda number: -size_of[number]):
        fold = sizes.index(min(sizes))
        sizes[fold] += size_of[number]
        fold_of[number] = fold
    for i, number in enumerate(groups.tolist()):
        folds[i] = fold_of.get(number, -1)
    return folds
