"""Ways to choose the images that a person is asked about, each with a reason for every image.

Each is a function of the candidates and a seed, and yields open images, the most wanted first, one at a
time: a queue takes what it needs, and work for the rest is never done.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label
from defectory.labeling.candidates import Candidates, Floats, Indices
from defectory.labeling.random_part import random_order

_BECOMES = {"accepted": "accepted", "review": "left to a person", "rejected": "rejected"}
_CHUNK = 256  # embeddings that all others are compared with at once

Wanted = Iterator[tuple[int, str]]
"""Indices of images, each with a plain sentence why."""

Strategy = Callable[[Candidates, int], Wanted]


def likely_defects(candidates: Candidates, seed: int = 0) -> Wanted:
    """Yield open images by falling score, the highest of each group."""
    del seed
    order = _falling(candidates.scores, _open(candidates))
    # a queue asks about a group once, and counts it once: ranks do, too
    order = order[np.sort(np.unique(candidates.own_groups[order], return_index=True)[1])]
    for rank, i in enumerate(order.tolist(), start=1):
        place = "the highest" if rank == 1 else f"rank {rank}"
        yield i, f"scores {candidates.scores[i]:.4g}, {place} of {len(order)} unlabeled images"


def near_threshold(candidates: Candidates, seed: int = 0) -> Wanted:
    """Yield open images by their distance to the threshold (Lewis and Gale 1994); none without one."""
    del seed
    threshold = candidates.threshold
    if not np.isfinite(threshold):
        return
    order = _falling(-np.abs(candidates.scores - threshold), _open(candidates))
    for i in order.tolist():
        side = "above" if candidates.scores[i] > threshold else "below"
        yield (
            i,
            (
                f"scores {candidates.scores[i]:.4g}, close {side} the threshold {threshold:.4g}, and is "
                f"{_BECOMES[candidates.decision(i)]}"
            ),
        )


def threshold_holders(candidates: Candidates, seed: int = 0) -> Wanted:
    """Yield open images that hold the threshold up, the costliest first."""
    del seed
    is_open = candidates.is_open
    for i in candidates.holders.tolist():
        if is_open[i]:
            yield (
                i,
                (
                    f"holds the threshold up with its score {candidates.scores[i]:.4g}: if it is defective, "
                    "many more defects are found"
                ),
            )


def suspected(candidates: Candidates, seed: int = 0) -> Wanted:
    """Yield open images that the fit distrusts, the most suspicious first; none where it says nothing."""
    del seed
    suspicions = candidates.suspicions
    if suspicions is None:
        return
    # Many are distrusted entirely: of these the highest score comes first.
    places = _open(candidates)
    order = places[np.lexsort((-candidates.scores[places], -suspicions[places]))]
    for i in order[suspicions[order] > 0].tolist():
        yield i, f"was learned from as if good, but the fit distrusts it by {suspicions[i]:.0%}"


def disagreements(candidates: Candidates, seed: int = 0) -> Wanted:
    """Yield open images by how much views or folds disagree (Seung et al. 1992); none where none is known."""
    del seed
    values = candidates.disagreements
    if values is None:
        return
    order = _falling(values, _open(candidates))
    order = order[values[order] > 0]
    for rank, i in enumerate(order.tolist(), start=1):
        place = "most" if rank == 1 else f"rank {rank} of {len(order)}"
        yield i, f"models with and without it, or views of it, disagree about it ({place})"


def diverse(candidates: Candidates, seed: int = 0) -> Wanted:
    """Yield open images, each the least like all that are labeled or chosen before; none without embeddings.

    Notes
    -----
    Source: Sener and Savarese, "Active learning for convolutional neural networks: a core-set approach", ICLR
    2018 (greedy k-center from what is labeled). Cost: time O(n d) for each image that is yielded or labeled.
    Random: the first image where nothing is labeled.
    """
    if candidates.embeddings is None:
        return
    embeddings, is_left = candidates.embeddings, candidates.is_open
    labeled = np.flatnonzero(candidates.codes != Label.UNLABELED)
    if not len(labeled):
        order = random_order(len(candidates), seed)
        first = order[is_left[order]][:1].tolist()
        for i in first:
            is_left[i] = False
            yield i, "is the first to be looked at: nothing is labeled yet"
        labeled = np.array(first, np.intp)
    gap = _gaps(embeddings, labeled)
    while is_left.any():
        farthest = int(np.where(is_left, gap, -1.0).argmax())
        is_left[farthest] = False
        yield farthest, "looks unlike every image that is labeled or asked about before it"
        np.minimum(gap, _gaps(embeddings, np.array([farthest])), out=gap)


def random(candidates: Candidates, seed: int = 0) -> Wanted:
    """Yield open images, each drawn uniformly from what is left, see `find_random_part`."""
    order = random_order(len(candidates), seed)
    for i in order[candidates.is_open[order]].tolist():
        yield i, "was drawn at random: such images tell how good decisions are on all of them"


BY_NAME: Mapping[str, Strategy] = {
    "likely-defect": likely_defects,
    "near-threshold": near_threshold,
    "holds-threshold": threshold_holders,
    "suspected": suspected,
    "disagreement": disagreements,
    "diverse": diverse,
    "random": random,
}
"""Name -> strategy."""


def _open(candidates: Candidates) -> Indices:
    return np.flatnonzero(candidates.is_open)


def _falling(values: Floats, places: Indices) -> Indices:
    """Return the places by falling value; ties stay in order."""
    return places[np.argsort(-values[places], kind="stable")]


def _gaps(embeddings: NDArray[np.float32], chosen: Indices) -> NDArray[np.float32]:
    """Return (n,) squared distances of all embeddings to the nearest of the chosen."""
    norms = np.einsum("nd,nd->n", embeddings, embeddings)
    gap = np.full(len(embeddings), np.inf, np.float32)
    for start in range(0, len(chosen), _CHUNK):
        part = chosen[start : start + _CHUNK]
        apart = norms[:, None] - 2 * embeddings @ embeddings[part].T + norms[part]
        np.minimum(gap, apart.min(1), out=gap)
    return np.maximum(gap, 0)
