"""A fitted detector as one ONNX graph, from a decoded image to its score and map."""
