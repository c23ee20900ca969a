"""The losses of MCOD, each a number to be made small.

Source: Huyan et al. 2022 (MCOD); formulas from the released code, the paper's could not be read.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def instance_contrast(
    queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float
) -> Tensor:
    """Return InfoNCE: each query is to be nearer to its own key than to all negatives.

    Parameters
    ----------
    queries, keys : (n, e) of length 1; row i of both is one image
    negatives : (m, e) of length 1
    temperature : > 0; the released 10 leaves the loss at chance, see `chance`
    """
    own = (queries * keys).sum(dim=1, keepdim=True)
    logits = torch.cat([own, queries @ negatives.T], dim=1) / temperature
    return cross_entropy(logits, torch.zeros(len(queries), dtype=torch.long, device=logits.device))


def chance(n_negatives: int) -> float:
    """Return the value of `instance_contrast` where all similarities are equal."""
    return math.log(1 + n_negatives)


def column_contrast(slots: Tensor, key_slots: Tensor, temperature: float) -> Tensor:
    """Return NT-Xent between the columns of two logit matrices: a slot is to be itself in both views.

    Parameters
    ----------
    slots, key_slots : (n, k) logits of two views of the same images
    """
    k = slots.shape[1]
    columns = normalize(torch.cat([slots, key_slots], dim=1).T, dim=1)
    similar = columns @ columns.T / temperature
    similar = similar.masked_fill(torch.eye(2 * k, dtype=torch.bool, device=slots.device), -1e9)
    partners = torch.arange(2 * k, device=slots.device).roll(k)
    return cross_entropy(similar, partners)


def balance(slots: Tensor) -> Tensor:
    """Return the mean square of the slots' summed logits: no slot is to take everything.

    Differs from the released code, sum_j (sum_b w_bj)^2 / B: divided by B once more, so that its weight
    does not depend on the batch.
    """
    return slots.mean(dim=0).square().sum()


def read_distances(features: Tensor, slots: Tensor, memory: Tensor) -> Tensor:
    """Return (n,) the squared distances to what memory reads back: ||f - softmax(w) M||^2."""
    return (features - slots.softmax(dim=1) @ memory).square().sum(dim=1)


def read_loss(distances: Tensor, *, trim_ratio: float, is_summed: bool) -> Tensor:
    """Return the read loss of a batch.

    Parameters
    ----------
    distances : (n,)
    trim_ratio : [0, 1), share of the batch, the farthest, that is left out: what memory cannot read is
        not to be drawn to it. Not in MCOD, where outliers are pulled in with the rest.
    is_summed : sum over the batch, as released (the contrast then sinks to chance), not the mean
    """
    n_kept = max(1, round(len(distances) * (1 - trim_ratio)))
    kept = distances.topk(n_kept, largest=False).values
    return kept.sum() if is_summed else kept.mean()
