"""Images in an order that nobody chose: what is asked at random, and the fair sample that comes of it."""

import numpy as np
from numpy.typing import NDArray

from defectory.domain import Label

_STREAM = 7919


def random_order(n: int, seed: int = 0) -> NDArray[np.intp]:
    """Return (n,) intp, a permutation of n images; a review keeps to one seed, so that it stays the same.

    Each image keeps its random number: images that come later, behind the others, take their places among
    them and leave those in their order.
    """
    numbers = np.random.default_rng([seed, _STREAM]).random(n)
    return np.argsort(numbers, kind="stable")


def find_random_part(
    codes: NDArray[np.int8], *, is_passed: NDArray[np.bool_] | None = None, seed: int = 0
) -> NDArray[np.bool_]:
    """Return (n,) bool: labeled images that are a uniform random sample of all n that somebody can label.

    Where images have come, the part ends before the first of them whose turn it is, until that is labeled.

    Parameters
    ----------
    codes : (n,) int8 of Label; where groups are asked about once, as `spread_labels` gives them
    is_passed : (n,) bool, images that were skipped or of which nobody was sure; None: there are none
    seed : that the queues were made with

    Notes
    -----
    The images that stand first in `random_order`, up to the first that is neither labeled nor passed. The
    strategy random asks in this order, so that each of its entries is drawn uniformly from what is unlabeled
    at the time. An image that another strategy asked about first counts where its turn has come: to count
    only what was asked at random would miss the defects that others find before. These are permanent random
    numbers (Ohlsson, "Coordination of samples using permanent random numbers", in Business Survey Methods,
    1995). That the part ends before an image that waits, and after any number that others labeled, does not
    make it unfair: it is inverse sampling with the last draw left out (Haldane, "On a method of estimating
    frequencies", Biometrika 1945). Random: the order, by `seed`.
    """
    order = random_order(len(codes), seed)
    is_labeled = codes != Label.UNLABELED
    is_settled = is_labeled if is_passed is None else is_labeled | is_passed
    waiting = np.flatnonzero(~is_settled[order])
    first = order[: waiting[0]] if len(waiting) else order
    found = np.zeros(len(codes), bool)
    found[first] = is_labeled[first]
    return found
