"""What extracting features takes of memory, estimated from above."""

from collections.abc import Sequence
from pathlib import Path

from defectory.backbones.cards import DEFAULT_BACKBONE, LITE0_STAGES
from defectory.backbones.engine import HALO_PX, View
from defectory.backbones.providers import provider_in_force

# What a process grows by ONNX Runtime and ONNX, and by the first conversion of a backbone.
_LIBRARY_BYTES, _CONVERSION_BYTES = 160 * 2**20, 200 * 2**20

# More, by OpenVINO and a network compiled for it.
_OPENVINO_BYTES = 150 * 2**20

# What converting a network of timm takes: torch, and so many copies of its weights (measured on ResNet-18 and
# WideResNet-50).
_TORCH_BYTES, _FILE_COPIES, _USUAL_FILE_BYTES = 500 * 2**20, 7, 100 * 2**20
# Bytes for a pixel of what a network sees: activations, in an arena that grows by doubling.
_RUN_BYTES = 260
# Bytes for a pixel of the prepared square, the most where camera noise is taken off.
_SQUARE_BYTES = 100
# A result is in work, another waits, and one more is on its way.
_N_RESULTS = 3
# Other backbones are wider; how much is not known before they are loaded.
_OTHER_BACKBONES = 4


def library_bytes(backbone: str = DEFAULT_BACKBONE, weights: Path | None = None) -> int:
    """Return what loading a backbone takes for the first time, in bytes.

    Parameters
    ----------
    backbone : its name
    weights : the file of its weights, where it has one
    """
    opened = _LIBRARY_BYTES + (_OPENVINO_BYTES if provider_in_force() == "openvino" else 0)
    if backbone.startswith("timm:"):
        n_bytes = _USUAL_FILE_BYTES if weights is None else weights.stat().st_size
        return opened + _TORCH_BYTES + _FILE_COPIES * n_bytes
    from defectory.backbones.weights import is_converted  # scoring a bundle needs none of it

    return opened + (0 if is_converted(backbone) else _CONVERSION_BYTES)


def feature_bytes(view: View, stages: Sequence[str], backbone: str = DEFAULT_BACKBONE) -> int:
    """Return the size of one image's features, in float32."""
    height, width = view.whole_px
    each = (LITE0_STAGES.get(stage, (32, 320)) for stage in stages)
    n_bytes = sum(4 * n_channels * height * width // stride**2 for stride, n_channels in each)
    return n_bytes * (1 if backbone == DEFAULT_BACKBONE else _OTHER_BACKBONES)


def reader_bytes(view: View, stages: Sequence[str], backbone: str = DEFAULT_BACKBONE) -> int:
    """Return what one more image that is read at once takes, beside decoding it."""
    height, width = view.whole_px
    seen = height * width if view.n_tiles == 1 else (view.side_px + 2 * HALO_PX) ** 2
    run = _RUN_BYTES * seen * (1 if backbone == DEFAULT_BACKBONE else _OTHER_BACKBONES)
    square = _SQUARE_BYTES * height * width
    return run + square + _N_RESULTS * feature_bytes(view, stages, backbone)
