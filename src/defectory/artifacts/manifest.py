"""The manifest of a bundle: JSON on the outside, typed and checked inside.

It is what a bundle says of itself beside its arrays: detector, weights, the promise, and the story of its fit
and updates. Every field is checked by `msgspec` when a bundle is read and before one is written: nothing
behind it meets a missing key or another type. A fact that this version does not know is ignored (a later one
may add some); a fact that means something else than before raises the schema version.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from defectory import __version__
from defectory.backbones import WeightCard
from defectory.calibration.estimates import TAIL
from defectory.domain import CONTENT_DIGITS, BundleError, Provider

SCHEMA_VERSION = 1
WRITER = "defectory"
MAX_MANIFEST_BYTES = 16 * 2**20

Setting = bool | int | float | str | None
Name = Annotated[str, Meta(max_length=100)]

MAX_NOTES = 1000
MAX_SUSPECTS = 100
MAX_NAMES = 10_000
MAX_HASHES = 500_000
MAX_LETTERS = 4096

Text = Annotated[str, Meta(max_length=MAX_LETTERS)]
Count = Annotated[int, Meta(ge=0, lt=2**53)]
Share = Annotated[float, Meta(gt=0, lt=1)]
Tail = Annotated[float, Meta(gt=0, lt=1e300)]
Number = Annotated[float, Meta(gt=-1e300, lt=1e300)]
Content = Annotated[str, Meta(pattern=rf"\A[0-9a-f]{{{CONTENT_DIGITS}}}\Z")]
Moment = Annotated[datetime, Meta(tz=True)]


@dataclass(frozen=True)
class Promise:
    """What the thresholds keep, each with that confidence.

    Attributes
    ----------
    false_reject_rate : at most this share of good parts is rejected
    confidence : how surely
    miss_rate : at most this share of defects like the labeled ones is accepted; None where that is not asked
        for, and what is not rejected is accepted
    prefers_estimate : decide by an estimate from all images even where those confirmed good could decide, as
        an `update` of a bundle that estimates does
    tail : of an estimate, how heavy the upper tail of good parts' scores is taken to be; an `update` chooses
        another where confirmed images are decided better by it
    """

    false_reject_rate: Share
    confidence: Share
    miss_rate: Share | None = None
    prefers_estimate: bool = False
    tail: Tail = TAIL


@dataclass(frozen=True)
class TrainingData:
    """What a fit learned from.

    Attributes
    ----------
    fingerprint : of the data set, all files and labels
    layout : of the data set
    n_images : >= 0, given to fit
    image_hashes : content of each, or of some of very many, and of images that updates learned from
    n_fitted_hashes : how many of the first are of the fit; None where they are n_images
    """

    fingerprint: Text
    layout: Text
    n_images: Count
    image_hashes: Annotated[tuple[Content, ...], Meta(max_length=MAX_HASHES)] = ()
    n_fitted_hashes: Count | None = None

    @property
    def fitted_hashes(self) -> tuple[str, ...]:
        """Content of the images of the fit alone: those of updates come behind them."""
        n = self.n_images if self.n_fitted_hashes is None else self.n_fitted_hashes
        return self.image_hashes[:n]


@dataclass(frozen=True)
class LabelCounts:
    """Images of a fit by label."""

    unlabeled: Count = 0
    normal: Count = 0
    anomalous: Count = 0


@dataclass(frozen=True)
class RecordedSuspect:
    """A training image that the fit distrusted.

    Attributes
    ----------
    name, path : as in the data set, and relative to its root
    content : first hex digits of the hash of its content
    score, weight, reason : see Suspect
    """

    name: Text
    path: Text
    content: Content
    score: Number
    weight: Annotated[float, Meta(ge=0, le=1)]
    reason: Text


@dataclass(frozen=True)
class UpdateRecord:
    """Labels that a bundle was taught after its fit.

    Attributes
    ----------
    date : when
    n_labels : how many
    names : content -> name of the images
    """

    date: Moment
    n_labels: Count
    names: Annotated[Mapping[Content, Text], Meta(max_length=MAX_HASHES)]


@dataclass(frozen=True)
class RecalibrationRecord:
    """A threshold that was fitted anew on good images that came after the fit.

    Attributes
    ----------
    date : when
    n_images : how many
    n_rejected_before : of them, by the threshold before
    keeps_old : whether the scores of before stayed beside theirs
    threshold_before, threshold : of image scores; None where there was none
    """

    date: Moment
    n_images: Count
    n_rejected_before: Count
    keeps_old: bool
    threshold_before: Number | None
    threshold: Number


@dataclass(frozen=True)
class BundleFacts:
    """The story of a bundle.

    Attributes
    ----------
    defectory_version, created, seed : of the fit
    weights : id of the weight card
    data, labels : what was learned from
    notes : what a person must know
    account : what there was to learn from and what was done with it, by the fit or the last update
    suspects, n_suspects : the oddest images that the fit distrusted, and how many there are
    confirmed_names : content -> name of labeled training images, for an update to call them by; of bundles
        before `holder_names`, of those as well
    holder_names : content -> name of training images that may hold the threshold up, labeled or not
    updates, recalibrations : oldest first
    chosen : content of labeled images that were asked about for their scores: they are no fair sample of good
        parts, and promise nothing
    runtime : what ran the networks of the fit, with its version; whoever scores chooses another freely
    """

    defectory_version: Text
    created: Moment
    seed: Annotated[int, Meta(ge=0)]
    weights: Text
    data: TrainingData
    labels: LabelCounts = field(default_factory=LabelCounts)
    notes: Annotated[tuple[Text, ...], Meta(max_length=MAX_NOTES)] = ()
    account: Annotated[tuple[Text, ...], Meta(max_length=MAX_NOTES)] = ()
    suspects: Annotated[tuple[RecordedSuspect, ...], Meta(max_length=MAX_SUSPECTS)] = ()
    n_suspects: Count = 0
    confirmed_names: Annotated[Mapping[Content, Text], Meta(max_length=MAX_NAMES)] = field(
        default_factory=dict
    )
    holder_names: Annotated[Mapping[Content, Text], Meta(max_length=MAX_NAMES)] = field(
        default_factory=dict
    )
    updates: Annotated[tuple[UpdateRecord, ...], Meta(max_length=MAX_NAMES)] = ()
    recalibrations: Annotated[tuple[RecalibrationRecord, ...], Meta(max_length=MAX_NAMES)] = ()
    chosen: Annotated[tuple[Content, ...], Meta(max_length=MAX_HASHES)] = ()
    runtime: Text = ""

    def __post_init__(self) -> None:
        if self.n_suspects < len(self.suspects):
            raise ValueError(
                f"n_suspects is {self.n_suspects}, but {len(self.suspects)} are listed"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON-ready data."""
        found: dict[str, Any] = json.loads(
            json.dumps(msgspec.to_builtins(self))
        )  # lists, no tuples
        return found

    @property
    def has_left_its_fit(self) -> bool:
        """Whether a threshold was fitted on fresh parts alone, as those of the fit were made no more."""
        return any(not record.keeps_old for record in self.recalibrations)

    @property
    def known_names(self) -> dict[str, str]:
        """Content -> name of images that a person may be told of, labeled or not."""
        return {**self.holder_names, **self.labeled_names}

    @property
    def labeled_names(self) -> dict[str, str]:
        """Content -> name of images that were labeled in the fit or by updates; see `confirmed_names`."""
        names = dict(self.confirmed_names)
        for update in self.updates:
            names.update(update.names)
        return names


@dataclass(frozen=True)
class DetectorEntry:
    """Which detector, its settings, and the package it comes from where it is none of ours."""

    name: Name
    config: Annotated[dict[Name, Setting], Meta(max_length=100)]
    provider: Provider | None = None


@dataclass(frozen=True)
class BackboneEntry:
    """Where the weights come from, and the outputs that the detector reads."""

    card: WeightCard
    stages: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=100)]


@dataclass(frozen=True)
class Manifest:
    """All that a bundle says of itself.

    Attributes
    ----------
    schema_version : of bundles; what an older version cannot read raises it
    written_by : program and version; marks the file as ours
    detector, backbone, promise, facts : see there
    sha256 : of each other member, by name
    """

    schema_version: int
    written_by: Annotated[str, Meta(pattern=rf"\A{WRITER} [\w.+-]{{1,50}}\Z")]
    detector: DetectorEntry
    backbone: BackboneEntry
    promise: Promise
    facts: BundleFacts
    sha256: Annotated[dict[Name, str], Meta(max_length=10)]


@dataclass(frozen=True)
class _Marker:
    schema_version: int
    written_by: str = ""


def make_manifest(
    detector: DetectorEntry,
    backbone: BackboneEntry,
    promise: Promise,
    facts: BundleFacts,
    sha256: dict[str, str],
) -> bytes:
    """Return the manifest as JSON; what is the same gives the same bytes.

    Raises
    ------
    BundleError : it could not be read again.
    """
    writer = f"{WRITER} {__version__}"
    manifest = Manifest(SCHEMA_VERSION, writer, detector, backbone, promise, facts, sha256)
    data = msgspec.to_builtins(manifest)
    try:
        text = json.dumps(data, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        raise BundleError(
            f"the bundle's settings or facts hold no plain numbers ({error})"
        ) from error
    content = text.encode("utf-8", "replace")  # names of files may be no text at all
    read_manifest(content)
    return content


def read_manifest(content: bytes) -> Manifest:
    """Return the manifest in JSON of UTF-8.

    Raises
    ------
    BundleError : it is none, says something of a wrong type or out of range, or is of a newer schema.
    """
    if len(content) > MAX_MANIFEST_BYTES:
        raise BundleError("the manifest is larger than any may be")
    marker = _decode(content, _Marker)
    if marker.schema_version > SCHEMA_VERSION:
        raise BundleError(
            f"it was written by a newer defectory (schema {marker.schema_version}; this one reads up to "
            f"{SCHEMA_VERSION}): update with  pip install -U defectory"
        )
    if marker.schema_version != SCHEMA_VERSION:
        raise BundleError("the manifest lacks a valid schema version; fit the bundle anew")
    manifest: Manifest = _decode(content, Manifest)
    return manifest


def is_our_manifest(content: bytes) -> bool:
    """Return whether defectory wrote it, in any version."""
    try:
        return bool(_decode(content, _Marker).written_by.startswith(f"{WRITER} "))
    except BundleError:
        return False


def _decode(content: bytes, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except (ValueError, RecursionError) as error:  # msgspec's own are ValueErrors
        raise BundleError(f"the manifest is damaged ({error})") from error
