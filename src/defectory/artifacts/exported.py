"""The folder that `export` writes: a graph for other runtimes, how to decide by it, and what proves it.

model.onnx | model.xml, model.bin   the decision as one graph
decision.json                       thresholds, promise, inputs and outputs
probes.json, probes/, maps.safetensors   images with the scores and maps that they must have
certificate.json                    what the last `export` or `verify` has measured
SHA256SUMS                          of all others but the certificate, as `sha256sum -c` reads it
README.md                           how to run it
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import safetensors
import safetensors.numpy
from msgspec import Meta

from defectory import __version__
from defectory.artifacts.manifest import Moment, Number, Promise, Text
from defectory.artifacts.probes import Origin
from defectory.domain import ExportError
from defectory.domain.scores import AnomalyMap, Outcome

DECISION, PROBES, MAPS, CERTIFICATE = (
    "decision.json", "probes.json", "maps.safetensors", "certificate.json",
)  # fmt: skip
SUMS, README = "SHA256SUMS", "README.md"
GRAPH_FILES = {"onnx": ("model.onnx",), "openvino": ("model.xml", "model.bin")}
"""Runtime -> files of the graph, the first of which is opened."""

RuntimeName = Literal["onnx", "openvino"]
Precision = Literal["fp32", "fp16", "int8"]

SCHEMA_VERSION = 1
_MAX_JSON_BYTES = 16 * 2**20
_MAX_MAPS_BYTES = 2**30
_MAX_LISTED = 1000

_Size = Annotated[int, Meta(ge=-1, lt=2**31)]
_Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Listed = Meta(max_length=_MAX_LISTED)
_Kind = TypeVar("_Kind")


@dataclass(frozen=True)
class Tensor:
    """An input or output of the graph; a size of -1 is any."""

    name: Text
    dtype: Text
    shape: Annotated[tuple[_Size, ...], Meta(max_length=8)]


@dataclass(frozen=True)
class ExportedDecision:
    """How to decide by the graph.

    Attributes
    ----------
    schema_version, defectory_version : of what wrote it
    runtime, precision : of the graph
    weight_bits : of its quantized weights: 8, or 7 for processors that would saturate; None for others
    inputs, outputs : of the graph
    threshold : an image that scores above it is rejected; higher than the bundle's by a hundred-thousandth:
        the image whose score it was is not to be rejected for the last bit of another runtime
    pixel_threshold : a cell of the map above it is defective
    accept_threshold : an image that scores below it is accepted, one between is for a person; None where all
        that is not rejected is accepted
    promise, promised : what the threshold keeps, in numbers and in words
    score_spread : standard deviation of the scores of good images, by which errors are measured
    tolerance : largest relative error of a score or map; None where only decisions count
    detector : its name
    bundle_sha256 : of the bundle that it came from
    """

    schema_version: int
    defectory_version: Text
    runtime: RuntimeName
    precision: Precision
    weight_bits: Literal[7, 8] | None
    inputs: Annotated[tuple[Tensor, ...], Meta(min_length=1, max_length=1)]
    outputs: Annotated[tuple[Tensor, ...], Meta(min_length=1, max_length=2)]
    threshold: Number
    pixel_threshold: Number | None
    accept_threshold: float | None
    promise: Promise
    promised: Text
    score_spread: Annotated[float, Meta(ge=0)]
    tolerance: Annotated[float, Meta(gt=0)] | None
    detector: Text
    bundle_sha256: _Sha256

    def outcome(self, score: float) -> Outcome:
        """Return what becomes of an image of that score."""
        if score > self.threshold:
            return "rejected"
        is_clear = self.accept_threshold is None or score < self.accept_threshold
        return "accepted" if is_clear else "review"


@dataclass(frozen=True)
class ReferenceProbe:
    """An image with what the bundle's own detector says of it.

    Attributes
    ----------
    file : in the folder
    origin : see Probe; "reshaped" for one made of another, larger or of another shape
    score, outcome : by the bundle
    """

    file: Annotated[str, Meta(pattern=r"\Aprobes/[0-9]{3}\.png\Z")]
    origin: Origin | Literal["reshaped"]
    score: Number
    outcome: Outcome


@dataclass(frozen=True)
class Flip:
    """A probe that the exported graph decides otherwise than the bundle."""

    file: Text
    outcome_of_bundle: Outcome
    outcome: Outcome
    score_of_bundle: float
    score: float


@dataclass(frozen=True)
class Certificate:
    """What an exported graph has been measured to do, in a process of its own.

    Attributes
    ----------
    is_ok : no flips, no score that is not finite, and errors within `tolerance`
    n_probes : images that were scored
    flips : of them, those that are decided otherwise than by the bundle
    largest_score_error : difference from the bundle's score, relative to it, to the threshold or to the
        spread of good scores, whichever is largest
    largest_map_error : difference from the bundle's map, relative to its highest value or to the pixel
        threshold, whichever is larger; None where there are no maps
    tolerance : what errors may be; None where only decisions count, as of fp16 and int8
    images_per_s : one at a time, decoding not counted
    runtime : name and version
    machine, cpu_flags : what computed it
    defectory_version, date : of the measurement
    """

    is_ok: bool
    n_probes: int
    flips: Annotated[tuple[Flip, ...], _Listed]
    largest_score_error: float
    largest_map_error: float | None
    tolerance: float | None
    images_per_s: float
    runtime: Text
    machine: Text
    cpu_flags: Annotated[tuple[Text, ...], _Listed]
    defectory_version: Text
    date: Moment

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        found: dict[str, Any] = msgspec.json.decode(as_json(self))
        return found

    def explain(self) -> str:
        """Return it in one plain line."""
        flips = f"{len(self.flips)} of {self.n_probes} probes decided otherwise than by the bundle"
        of_maps = self.largest_map_error
        maps = "" if of_maps is None else f", of a map {of_maps:.1e}"
        return (
            f"{flips}; largest error of a score {self.largest_score_error:.1e}{maps}; "
            f"{self.images_per_s:.1f} images/s ({self.runtime})"
        )


def as_json(data: object) -> bytes:
    """Return data of this module as JSON for people and programs."""
    return msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n"


def read_decision(folder: Path) -> ExportedDecision:
    """Return how the folder says to decide; ExportError where it is damaged or newer."""
    decision: ExportedDecision = _read_json(folder, DECISION, ExportedDecision)
    if decision.schema_version > SCHEMA_VERSION:
        raise ExportError(
            f"{folder / DECISION}: it was written by defectory {decision.defectory_version}, a newer "
            f"one than this ({__version__}): update with  pip install -U defectory"
        )
    return decision


def read_references(folder: Path) -> tuple[tuple[ReferenceProbe, ...], dict[str, AnomalyMap]]:
    """Return the probes, and file -> map of those that have one; ExportError where they are damaged."""
    probes: tuple[ReferenceProbe, ...] = _read_json(
        folder, PROBES, Annotated[tuple[ReferenceProbe, ...], Meta(min_length=1, max_length=999)]
    )
    try:
        if (folder / MAPS).stat().st_size > _MAX_MAPS_BYTES:
            raise ValueError("it is larger than any may be")
        maps = safetensors.numpy.load((folder / MAPS).read_bytes())
    except (OSError, safetensors.SafetensorError, ValueError, KeyError) as error:
        raise ExportError(f"{folder / MAPS}: cannot be read ({error})") from error
    return probes, maps


def read_certificate(content: bytes) -> Certificate:
    """Return a certificate in JSON; ExportError where it is none."""
    return _decode(content, Certificate, CERTIFICATE)


def _read_json(folder: Path, name: str, kind: Any) -> Any:
    path = folder / name
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ExportError(f"{path}: it is larger than any may be")
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"{path}: cannot be read: {error.strerror or error}") from error
    return _decode(content, kind, path)


def _decode(content: bytes, kind: type[_Kind], what: object) -> _Kind:
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise ExportError(f"{what}: it is damaged ({error})") from error
