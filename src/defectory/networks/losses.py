"""Losses of segmentation with few, simulated and weak labels."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

_L1_SHARE, _FOCAL_SHARE, _FOCAL_GAMMA = 0.6, 0.4, 4.0


def segmentation_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Return .6 L1 + .4 focal loss (gamma 4) over all pixels.

    Parameters
    ----------
    logits : (n, h, w), anomalous minus normal of the two channels
    masks : (n, h, w), 1 where defective

    Notes
    -----
    Source: Yang et al. 2023 (MemSeg), equations 9-11.
    """
    truth = masks.to(logits.dtype)
    l1 = (logits.sigmoid() - truth).abs().mean()
    towards_truth = torch.where(truth > 0.5, logits, -logits)
    focal = (towards_truth.neg().sigmoid() ** _FOCAL_GAMMA * -logsigmoid(towards_truth)).mean()
    return _L1_SHARE * l1 + _FOCAL_SHARE * focal


def image_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return binary cross-entropy over the images whose label is 0 or 1; zero where none has one.

    Parameters
    ----------
    logits : (n,)
    labels : (n,) codes of Label; -1 takes no part
    """
    known = labels >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return binary_cross_entropy_with_logits(logits[known], labels[known].to(logits.dtype))
