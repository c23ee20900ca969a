"""The page that lies in an exported folder: how to run what is in it."""

from pathlib import Path

from defectory.artifacts.exported import GRAPH_FILES, ExportedDecision, Tensor

_PAGE = """# An exported detector

`{file}`: how the bundle decides, as one graph, for {runtime}, {precision}. Written by defectory {version}.

| | name | type | shape |
|---|---|---|---|
{tensors}

**In**: one decoded image, rows x columns x red, green, blue, upright, of sides up to 65,535 px. Gray is
repeated over the three colors, 16-bit gray divided by 257. Nothing else is to be done to it: the graph
resizes it.

**Out**: `score`, the raw score of the image; higher is more anomalous.{map}

**Decide** (`decision.json`): rejected where `score > {threshold!r}`{accepted}.
{promised}
{pixels}
**Check** on the machine that runs it: `defectory verify` and the name of this folder scores `probes/` and
compares with what the bundle said of them (`probes.json`, `maps.safetensors`); `sha256sum -c SHA256SUMS`
needs nothing of ours. `certificate.json` is what the last check found.
"""
_RUNTIMES = {"onnx": "ONNX Runtime", "openvino": "OpenVINO"}


def write_readme(path: Path, decision: ExportedDecision) -> None:
    """Write the page; OSError as it comes."""
    tensors = [_row("input", each) for each in decision.inputs]
    tensors += [_row("output", each) for each in decision.outputs]
    has_map = len(decision.outputs) > 1
    accept, pixels = decision.accept_threshold, decision.pixel_threshold
    path.write_text(
        _PAGE.format(
            file=GRAPH_FILES[decision.runtime][0],
            runtime=_RUNTIMES[decision.runtime],
            precision=decision.precision,
            version=decision.defectory_version,
            tensors="\n".join(tensors),
            map=" `map`, where: it covers the whole image, whatever its size." if has_map else "",
            threshold=decision.threshold,
            accepted=""
            if accept is None
            else f", accepted where `score < {accept!r}`; a person looks at what is between",
            promised=decision.promised,
            pixels="" if pixels is None else f"\nA cell of `map` above {pixels!r} is defective.\n",
        ),
        encoding="utf-8",
    )


def _row(what: str, tensor: Tensor) -> str:
    shape = " x ".join("any" if size < 0 else str(size) for size in tensor.shape) or "one number"
    return f"| {what} | `{tensor.name}` | {tensor.dtype} | {shape} |"
