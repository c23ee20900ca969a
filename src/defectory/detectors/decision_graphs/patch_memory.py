"""`patch-memory` as a graph: `PatchBank`, of one image."""

from collections.abc import Sequence

import spox.opset.ai.onnx.v18 as op
from spox import Var

from defectory.detectors.decision_graphs.constants import i64
from defectory.detectors.decision_graphs.features import Stages, stack_stages
from defectory.detectors.decision_graphs.normality import nearest_patches, top_mean
from defectory.detectors.patch_bank import PatchBank


def judge(
    stages: Stages, names: Sequence[str], side: int, bank: PatchBank, top_ratio: float
) -> tuple[Var, Var]:
    """Return the score () and the values of the map's cells (side, side)."""
    distances = nearest_patches(bank, stack_stages(stages, names, (side, side)))
    return top_mean(op.reshape(distances, i64([-1])), top_ratio), distances
