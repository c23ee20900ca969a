"""A network trained from scratch, as a backbone that needs no torch."""

import hashlib

import numpy as np
import torch

from defectory.backbones import Backbone, Stage, WeightCard
from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.detectors.contrast.encoding import FEATURES, SLOTS
from defectory.domain import DefectoryError
from defectory.networks.wide_resnet import SIDE_PX, ScoringEncoder, WideResNetEncoder
from defectory.training.export import export_onnx, max_difference

_PARITY = 1e-3
"""Largest difference of an exported network's outputs from torch's, of outputs around 1."""


def ship_backbone(network: WideResNetEncoder) -> Backbone:
    """Return the network's features and slot logits behind the interface of backbones.

    Raises
    ------
    DefectoryError : ONNX Runtime's outputs differ from torch's.
    """
    encoder = ScoringEncoder(network)
    rng = np.random.default_rng(0)
    sample = rng.integers(0, 256, (3, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    model = export_onnx(encoder, [torch.from_numpy(sample)], ["image"], [FEATURES, SLOTS])
    difference = max_difference(
        encoder, OnnxRuntimeSession(model, "cpu", None).run, {"image": sample}
    )
    if difference > _PARITY:
        raise DefectoryError(f"the exported network differs from the trained one by {difference}")
    slots = network.heads.slots
    stages = (
        Stage(FEATURES, SIDE_PX, slots.in_features),
        Stage(SLOTS, SIDE_PX, slots.out_features),
    )
    card = WeightCard(
        name=f"mcod-wide-resnet-10-{network.width}",
        source="trained by mcod on the user's images, from random weights",
        license="the user's own",
        mean=(127.5,) * 3,
        scale=(1 / 127.5,) * 3,
        input_px=SIDE_PX,
        stages=stages,
        weights_sha256=hashlib.sha256(model).hexdigest(),
    )
    return Backbone(model, card, [FEATURES, SLOTS])
