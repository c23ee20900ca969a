"""EfficientNet-Lite0 as the paper draws it: one torch operation at a time, in double precision."""

import torch
from torch.nn import functional

_DOWNSAMPLING = {1, 3, 5, 11}
"""Blocks whose depthwise convolution has stride 2; the stem has too."""


def slow_lite0(state, images):
    """Return the outputs of the 16 blocks, each (n, c, h, w) float64, of (n, h, w, 3) uint8 images."""
    x = torch.from_numpy(images).permute(0, 3, 1, 2).double()
    x = (x - 127.0) / 128.0
    x = _relu6(_norm(state, "_bn0", _conv(state, "_conv_stem", x, stride=2)))
    outputs = []
    for i in range(16):
        x = _block(state, f"_blocks.{i}.", x, stride=2 if i in _DOWNSAMPLING else 1)
        outputs.append(x.numpy())
    return outputs


def _block(state, prefix, x, stride):
    y = x
    if f"{prefix}_expand_conv.weight" in state:
        y = _relu6(_norm(state, f"{prefix}_bn0", _conv(state, f"{prefix}_expand_conv", y)))
    y = _conv(state, f"{prefix}_depthwise_conv", y, stride=stride)
    y = _relu6(_norm(state, f"{prefix}_bn1", y))
    y = _norm(state, f"{prefix}_bn2", _conv(state, f"{prefix}_project_conv", y))
    return x + y if x.shape == y.shape else y


def _conv(state, name, x, stride=1):
    """Pad as TensorFlow's SAME does (the odd pixel goes below and to the right), then convolve."""
    weight = state[f"{name}.weight"].double()
    kernel = weight.shape[-1]
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    groups = x.shape[1] // weight.shape[1]
    return functional.conv2d(functional.pad(x, pads), weight, stride=stride, groups=groups)


def _norm(state, name, x):
    mean, var, weight, bias = (
        state[f"{name}.{part}"].double()
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return functional.batch_norm(x, mean, var, weight, bias, training=False, eps=1e-3)


def _relu6(x):
    return x.clamp(0, 6)
