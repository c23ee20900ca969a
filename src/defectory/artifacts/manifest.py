"""The manifest of a bundle: JSON on the outside, typed and checked inside."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from defectory import __version__
from defectory.artifacts.facts import BundleFacts, Promise
from defectory.backbones import WeightCard
from defectory.domain import BundleError, Provider

SCHEMA_VERSION = 1
WRITER = "defectory"
MAX_MANIFEST_BYTES = 16 * 2**20

Setting = bool | int | float | str | None
Name = Annotated[str, Meta(max_length=100)]


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
