"""ONNX Runtime, opened with care."""

import os

from defectory.domain import BundleError

# The key by which ONNX names another file for a weight. ONNX Runtime would read it, whatever file it is.
_EXTERNAL_WEIGHTS = b"location"


def open_session(model: bytes, outputs: list[str], *, what: str):  # type: ignore[no-untyped-def]
    """Return a session of one thread; BundleError where the model does not load or gives other outputs.

    One thread an image and several images at once scale better than several threads on one image.

    Parameters
    ----------
    model : ONNX bytes, weights inside
    outputs : names it must give, in order
    what : the model is, for messages
    """
    # Official builds report to their maker, with a lasting device id, unless this is set before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if _EXTERNAL_WEIGHTS in model:
        raise BundleError(f"the ONNX model of {what} wants weights from other files")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        found = [output.name for output in session.get_outputs()]
    except Exception as error:  # ONNX Runtime's errors share no public base class
        raise BundleError(f"the ONNX model of {what} does not load: {error}") from error
    if found != outputs:
        raise BundleError(f"the ONNX model of {what} gives {found}, but {outputs} are wanted")
    return session
