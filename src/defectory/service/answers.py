"""What is answered, as types: they are encoded as they are, and the OpenAPI description is made of them."""

import base64
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from defectory.domain import ImageReadError, Region
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.rows import describe_decision
from defectory.workflows.serving.judging import Judged
from defectory.workflows.serving.records import AlarmTold

Png = Annotated[
    str, Meta(description="PNG, in base64.", extra_json_schema={"contentEncoding": "base64"})
]
Share = Annotated[float, Meta(ge=0, le=1)]


class Failure(msgspec.Struct):
    """What every error is answered with."""

    error: Annotated[str, Meta(description="One sentence.")]


class Alarm(msgspec.Struct):
    """Whether the promise of the threshold still holds."""

    is_ringing: Annotated[bool, Meta(description="Scores of passing parts have risen.")]
    n_seen: int
    said: Annotated[str, Meta(description="What the alarm says, in a sentence.")]


class ImageAnswer(msgspec.Struct):
    """What was decided of one image; all null but `error` where it could not be read."""

    image: Annotated[str, Meta(description="As it was called in the request.")]
    decision: Literal["accepted", "review", "rejected"] | None = None
    is_anomalous: bool | None = None
    score: Annotated[float | None, Meta(description="Higher is more anomalous.")] = None
    threshold: Annotated[float | None, Meta(description="A score above it is rejected.")] = None
    accept_threshold: Annotated[
        float | None, Meta(description="A score from it up to the threshold is for a person.")
    ] = None
    p_value: Share | None = None
    p_value_basis: Literal["confirmed", "estimated", "none"] | None = None
    regions: list[Region] | UnsetType = UNSET
    heatmap: Png | UnsetType | None = UNSET
    mask: Png | UnsetType | None = UNSET
    error: str | None = None


class ScoreAnswer(msgspec.Struct):
    """What `/score` answers."""

    model: str
    version: str
    results: Annotated[list[ImageAnswer], Meta(description="In the order of the images.")]
    alarm: Alarm | None
    is_recorded: Annotated[
        bool,
        Meta(description="False where the service could not write to its journal: a full disk."),
    ] = True


class ServerMetadata(msgspec.Struct):
    """What the Open Inference Protocol tells of a server."""

    name: str
    version: str
    extensions: list[str]


class Tensor(msgspec.Struct):
    """What the Open Inference Protocol tells of an input or output."""

    name: str
    datatype: str
    shape: list[int]


class ModelFacts(msgspec.Struct):
    """What is told of a bundle beside its inputs and outputs."""

    sha256: str
    threshold: float | None
    accept_threshold: float | None
    false_reject_rate: float
    confidence: float
    miss_rate: float | None


class ModelMetadata(msgspec.Struct):
    """What the Open Inference Protocol tells of a model."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    parameters: ModelFacts


class ModelState(msgspec.Struct):
    """Whether a bundle is served, and whether a newer file of it could not be."""

    name: str
    version: str
    ready: bool
    reload_error: str | None = None


class ServerState(msgspec.Struct):
    """What `/v2/health/ready` answers."""

    ready: bool
    models: list[ModelState]


class Live(msgspec.Struct):
    """What `/v2/health/live` answers."""

    live: bool


class ModelReady(msgspec.Struct):
    """Whether one model is ready."""

    name: str
    ready: bool


class Reloaded(msgspec.Struct):
    """What became of a bundle that was looked at again."""

    name: str
    version: str
    has_changed: bool
    error: str | None = None


class ReloadAnswer(msgspec.Struct):
    """What `/admin/reload` answers."""

    models: list[Reloaded]


def describe(
    judged: Judged | ImageReadError, name: str, model: CalibratedDetector, *, has_regions: bool,
    has_heatmap: bool, has_mask: bool,
) -> ImageAnswer:  # fmt: skip
    """Return what is said of an image.

    Parameters
    ----------
    judged : or why it could not be read
    name : of the image
    has_regions, has_heatmap, has_mask : what was asked for
    """
    if isinstance(judged, ImageReadError):
        return ImageAnswer(name, error=" ".join(str(judged).split()))
    row = describe_decision(judged.decision, model)
    answer = ImageAnswer(
        name,
        judged.decision.outcome,
        judged.decision.is_anomalous,
        row["score"],
        row["threshold"],
        row.get("accept_threshold"),
        row["p_value"],
        row["p_value_basis"],
    )
    if has_regions:
        answer.regions = list(judged.decision.regions)
    if has_heatmap:
        answer.heatmap = _base64(judged.heatmap)
    if has_mask:
        answer.mask = _base64(judged.mask)
    return answer


def alarm_of(told: AlarmTold | None) -> Alarm | None:
    """Return what an alarm says, as it is answered."""
    return None if told is None else Alarm(told.is_ringing, told.n_seen, told.said)


def _base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()
