"""ONNX graphs, read and bounded before ONNX Runtime sees a byte of them; without the `onnx` package."""

from defectory.backbones.graphs.model import Graph, GraphError, read_graph
from defectory.backbones.graphs.sizes import bound_sizes, nominal_shapes

__all__ = ["Graph", "GraphError", "bound_sizes", "nominal_shapes", "read_graph"]
