"""What `memseg` and `mapl` share: inputs, rounds of simulated defects, training, scoring by ONNX."""
