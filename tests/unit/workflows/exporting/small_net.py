"""A detector of one convolution that exports itself: real graphs and runtimes, in hundredths of a second."""

from types import SimpleNamespace

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from defectory.domain import HeldOutScores, Scores
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.fitting.probes import draw_probes
from tests.bundles import bundle_of

WEIGHTS = np.random.default_rng(0).normal(0, 0.3, (16, 3, 3, 3)).astype(np.float32)


class SmallNet:
    """The map is the mean square of what a convolution gives; the score is the highest value of the map."""

    name = "small-net"

    def __init__(self, *, is_wrong=False):
        self.backbone_ = SimpleNamespace(model=graph_of_net())
        self._is_wrong = is_wrong

    def score(self, images, *, progress=None):
        maps = [self._map(image) for image in images.read(range(len(images)))]
        return Scores(np.array([heat.max() for heat in maps], np.float32), maps)

    def _map(self, image):
        height, width = image.shape[:2]
        padded = np.pad(image.astype(np.float32) / 255, ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))
        rows = windows.reshape(height * width, 27) @ WEIGHTS.reshape(16, 27).T
        return (rows**2).mean(1).reshape(height, width).astype(np.float32)

    def to_onnx(self):
        return graph_of_net(factor=1.5 if self._is_wrong else 1.0)


def graph_of_net(factor=1.0):
    nodes = [
        helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["real"], ["planes"], perm=[2, 0, 1]),
        helper.make_node("Unsqueeze", ["planes", "first"], ["batch"]),
        helper.make_node("Div", ["batch", "levels"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "weights"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["features", "features"], ["squares"]),
        helper.make_node("ReduceMean", ["squares", "channels"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "factor"], ["map"]),
        helper.make_node("ReduceMax", ["map"], ["score"], keepdims=0),
    ]
    arrays = {
        "first": np.array([0], np.int64),
        "levels": np.float32(255),
        "weights": WEIGHTS,
        "channels": np.array([0, 1], np.int64),
        "factor": np.float32(factor),
    }
    # as constants, where spox has them
    constants = [
        helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(array)))
        for name, array in arrays.items()
    ]
    graph = helper.make_graph(
        [*constants, *nodes],
        "small",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["h", "w", 3])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, []),
            helper.make_tensor_value_info("map", TensorProto.FLOAT, ["h", "w"]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def model_of(images, *, is_wrong=False, keeps_probes=True, contents=None, **facts):
    """The net with its threshold, fitted on these images."""
    detector = SmallNet(is_wrong=is_wrong)
    scores = detector.score(images)
    peaks = [heat.max() for heat in scores.anomaly_maps]
    detector.held_out_ = HeldOutScores.of(scores.image_scores, peaks, contents=contents)
    model = CalibratedDetector(bundle_of(detector, **facts))
    if not keeps_probes:
        return model
    known = scores.image_scores.astype(float)
    probes = draw_probes(images, range(len(images)), known, model.threshold.value, seed=0)
    object.__setattr__(model.bundle, "probes", probes)
    return model
