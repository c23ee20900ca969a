"""A fitted detector as one ONNX graph, from a decoded image to its score and map."""

IMAGE, SCORE, MAP = "image", "score", "map"
"""Names of the input, (h, w, 3) uint8 RGB of any size, and of the outputs, () and (rows, columns) float32."""
