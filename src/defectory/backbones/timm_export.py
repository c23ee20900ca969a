"""A timm network -> ONNX that takes images of any size and gives feature grids."""

import io
import warnings
from typing import Any

import numpy as np

from defectory.backbones.cards import WeightCard
from defectory.backbones.sessions import Network

_OPSET = 17
# The size that the network is traced at: native to none, or a position embedding would be taken as it is.
_TRACED_PX = 96
# Neither square nor of that size.
_TRIED_PX = (64, 128)
CELL_PX = {14: 16}
"""Side of a patch as the network has it -> pixels of the image that it stands for, where they differ."""


def export_features(network: Any, card: WeightCard, *, patch_px: int | None) -> bytes:
    """Return ONNX with an output for each stage of the card.

    Position embeddings are interpolated bicubically, without antialiasing, as DINOv2's own code does.

    Parameters
    ----------
    network : of timm, gives a list of (n, c, h, w) stages, `stage0` first
    card : names the stages wanted, and how pixels are scaled
    patch_px : of a vision transformer, else None

    Raises
    ------
    ValueError : a stage has not the shape that the card says.
    BundleError : the model is none that a bundle may hold.
    """
    import torch

    exporter: Any = torch.onnx
    names = [stage.name for stage in card.stages]
    places = [int(name.removeprefix("stage")) for name in names]
    shrink = 1.0 if patch_px is None else patch_px / CELL_PX.get(patch_px, patch_px)

    class FromPixels(torch.nn.Module):
        """uint8 RGB, channels last -> all stages."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.register_buffer("mean", torch.tensor(card.mean).view(1, -1, 1, 1))
            self.register_buffer("scale", torch.tensor(card.scale).view(1, -1, 1, 1))

        def forward(self, image: Any) -> Any:
            pixels = (image.permute(0, 3, 1, 2).float() - self.mean) * self.scale
            if shrink != 1.0:
                pixels = torch.nn.functional.interpolate(
                    pixels, scale_factor=shrink, mode="bilinear", recompute_scale_factor=False
                )
            stages = self.network(pixels)
            return tuple(stages[place] for place in places)

    exporter.register_custom_op_symbolic(
        "aten::_upsample_bicubic2d_aa", _resize_bicubically, _OPSET
    )
    free = {0: "n", 2: "h", 3: "w"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated, but keeps sizes free
        exporter.export(
            FromPixels().eval(),
            (torch.zeros(1, _TRACED_PX, _TRACED_PX, 3, dtype=torch.uint8),),
            buffer,
            input_names=["image"],
            output_names=names,
            dynamic_axes={"image": {0: "n", 1: "h", 2: "w"}, **dict.fromkeys(names, free)},
            opset_version=_OPSET,
            dynamo=False,
        )
    _check_shapes(buffer.getvalue(), card)
    return buffer.getvalue()


def _resize_bicubically(graph: Any, image: Any, size: Any, _align: Any, *_scales: Any) -> Any:
    """Return the ONNX of torch's bicubic interpolation; of it, antialiasing has no place in a bundle."""
    import torch
    from torch.onnx import symbolic_helper

    def integers(*values: int) -> Any:
        return graph.op("Constant", value_t=torch.tensor(values))

    if symbolic_helper._is_packed_list(size):
        sides = [
            graph.op("Unsqueeze", side, integers(0)) for side in symbolic_helper._unpack_list(size)
        ]
        size = graph.op("Concat", *sides, axis_i=0)
    kept = graph.op("Slice", graph.op("Shape", image), integers(0), integers(2))
    nothing = graph.op("Constant", value_t=torch.tensor([], dtype=torch.float32))
    return graph.op(
        "Resize", image, nothing, nothing, graph.op("Concat", kept, size, axis_i=0),
        mode_s="cubic", cubic_coeff_a_f=-0.75, coordinate_transformation_mode_s="half_pixel",
    )  # fmt: skip


def _check_shapes(model: bytes, card: WeightCard) -> None:
    """Raise ValueError unless every stage is (n, c, h / stride, w / stride)."""
    network = Network(model, [stage.name for stage in card.stages], what="the backbone")
    maps = network.run({"image": np.zeros((1, *_TRIED_PX, 3), np.uint8)})
    for stage, features in zip(card.stages, maps, strict=True):
        cells = tuple(side // stage.stride_px for side in _TRIED_PX)
        found, expected = features.shape, (1, stage.n_channels, *cells)
        if found != expected:
            raise ValueError(f"{stage.name} has shape {found}, not {expected}")
