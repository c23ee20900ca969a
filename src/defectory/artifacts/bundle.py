"""The bundle: one file that scores the same wherever it is shipped.

A ZIP archive, stored without compression, of three members, or four where a network was trained:

    manifest.json        schema version, detector and its config, weight card, provenance, checksums
    arrays.safetensors   learned arrays and calibration scores
    backbone.onnx        the network that gives features, cut to what the detector reads
    head.onnx            what was trained on these features

No pickle, and nothing is ever unpacked to disk, so member names cannot lead anywhere.
"""

import hashlib
import json
import textwrap
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from defectory.backbones import Backbone, WeightCard
from defectory.detectors import detector_names, find_detector
from defectory.detectors.base import Detector
from defectory.domain import ArrayImages, BundleError, check_settings
from defectory.storage import FileKind, OutputFile, write_outputs

SCHEMA_VERSION = 1
MAX_BUNDLE_BYTES = 4 * 2**30
_MAX_MANIFEST_BYTES = 16 * 2**20
_MANIFEST, _ARRAYS, _BACKBONE = "manifest.json", "arrays.safetensors", "backbone.onnx"
_HEAD = "head.onnx"
_DTYPES = (np.float32, np.float16, np.int8)
_DETECTOR_PREFIX, _CALIBRATION_PREFIX = "detector.", "calibration."


@dataclass(frozen=True)
class Bundle:
    """A fitted detector with what its threshold and its story need.

    Attributes
    ----------
    detector : fitted
    calibration : named (n,) float32 arrays: raw scores of held-out normals, always kept
    facts : JSON-ready provenance: promise, data fingerprint, seed, label counts, versions, notes
    """

    detector: Detector
    calibration: Mapping[str, NDArray[np.float32]]
    facts: Mapping[str, Any]


def save_bundle(bundle: Bundle, path: Path | str, *, overwrite: bool = False) -> None:
    """Write the bundle whole or not at all.

    Parameters
    ----------
    overwrite : a bundle may be replaced; anything else that is there stays in either case

    Raises
    ------
    OutputError : there is something already, or the file cannot be written.
    BundleError : an array is not of finite float32, float16 or int8, so that the file would not load.
    """
    with write_outputs([OutputFile(Path(path), BUNDLE_FILE)], overwrite=overwrite) as (part,):
        write_bundle(bundle, part)


def write_bundle(bundle: Bundle, path: Path) -> None:
    """Write the bundle into a file of a transaction: BundleError, and OSError as it comes."""
    detector = bundle.detector
    arrays = {f"{_DETECTOR_PREFIX}{key}": value for key, value in detector.arrays().items()}
    arrays |= {f"{_CALIBRATION_PREFIX}{key}": value for key, value in bundle.calibration.items()}
    _check_arrays(arrays)
    members = {
        _ARRAYS: safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()}),
        _BACKBONE: detector.backbone_.model,
    }
    if detector.head_ is not None:
        members[_HEAD] = detector.head_
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "detector": {"name": detector.name, "config": detector.config()},
        "backbone": {
            "card": detector.backbone_.card.to_dict(),
            "stages": [stage.name for stage in detector.backbone_.stages],
        },
        "facts": dict(bundle.facts),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    }
    text = json.dumps(manifest, indent=1, sort_keys=True, allow_nan=False)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {_MANIFEST: text.encode(), **members}.items():
            # a fixed date: the same state gives the same bytes
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


def _is_bundle(path: Path) -> bool:
    """Return whether a file holds the members of a bundle, of whatever version."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist())
            return "schema_version" in json.loads(archive.read(_MANIFEST))
    except (zipfile.BadZipFile, BundleError, EOFError, NotImplementedError, RuntimeError):
        return False


BUNDLE_FILE = FileKind("a bundle", _is_bundle)
"""What `save_bundle` writes, and may replace."""


def load_bundle(path: Path | str) -> Bundle:
    """Read a bundle and check all of it before anything is used.

    Raises
    ------
    BundleError : there is no bundle, or it is corrupt, truncated, hostile or of a newer schema.
    """
    try:
        manifest, members = _read_archive(Path(path))
        return _assemble(manifest, members)
    except BundleError as error:
        raise BundleError(f"{path}: {_one_line(error)}") from error
    except Exception as error:  # a crafted manifest can make the parts fail in any way
        raise BundleError(
            f"{path}: the manifest and the arrays do not fit together ({_one_line(error)})"
        ) from error


def _assemble(manifest: dict[str, Any], members: dict[str, bytes]) -> Bundle:
    try:
        arrays = safetensors.numpy.load(members[_ARRAYS])
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise BundleError(f"the arrays are damaged ({error})") from error
    _check_arrays(arrays)
    name, config = manifest["detector"]["name"], manifest["detector"]["config"]
    if name not in detector_names():
        raise BundleError(f"no detector is named {name!r} in this version; update defectory")
    card = WeightCard.from_dict(manifest["backbone"]["card"])
    backbone = Backbone(members[_BACKBONE], card, [str(s) for s in manifest["backbone"]["stages"]])
    detector = find_detector(name)(**config)
    unknown = sorted(set(config) - set(detector.config()))
    if unknown:
        raise BundleError(f"{name} has no setting {unknown[0]!r}")
    check_settings(detector.config())
    detector.head_ = members.get(_HEAD)
    detector.restore(_strip(arrays, _DETECTOR_PREFIX), backbone)
    facts = manifest["facts"]
    if not isinstance(facts, dict):
        raise BundleError("the manifest's facts are not a table")
    _try_out(detector)
    return Bundle(detector, _strip(arrays, _CALIBRATION_PREFIX), facts)


def _check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if array.dtype not in _DTYPES or not np.isfinite(array).all():
            raise BundleError(f"array {name!r} is not of finite float32, float16 or int8")


def _try_out(detector: Detector) -> None:
    """Score a grey image: settings of wrong types, or a network of another kind, show here."""
    grey = np.full((32, 32, 3), 128, np.uint8)
    if not np.isfinite(detector.score(ArrayImages([grey])).image_scores).all():
        raise BundleError("its detector does not give finite scores")


def _one_line(error: Exception) -> str:
    return textwrap.shorten(str(error) or type(error).__name__, 400, placeholder=" ...")


def _strip(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}


def _read_archive(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    if not path.is_file():
        raise BundleError("there is no such file; give a bundle that `defectory fit` wrote")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist())
            manifest = _parse_manifest(archive.read(_MANIFEST))
            members = {n: archive.read(n) for n in archive.namelist() if n != _MANIFEST}
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise BundleError(f"this is no bundle, or it was cut off or damaged ({error})") from error
    except OSError as error:
        raise BundleError(f"cannot be read: {error.strerror or error}") from error
    for name, content in members.items():
        if hashlib.sha256(content).hexdigest() != manifest["sha256"].get(name):
            raise BundleError(f"{name} is damaged: its checksum differs from the manifest's")
    return manifest, members


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Refuse anything but the members of a bundle, before a byte of them is read."""
    expected = sorted([_MANIFEST, _ARRAYS, _BACKBONE])
    names = sorted(member.filename for member in members)
    if names not in (expected, sorted([*expected, _HEAD])):
        raise BundleError(f"this is no bundle: it holds {names[:5]}, not {expected}")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise BundleError(f"{member.filename} is compressed; bundles never are")
    manifest_bytes = {m.filename: m.file_size for m in members}[_MANIFEST]
    if manifest_bytes > _MAX_MANIFEST_BYTES or sum(m.file_size for m in members) > MAX_BUNDLE_BYTES:
        raise BundleError("it is larger than any bundle may be")


def _parse_manifest(content: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"the manifest is damaged ({error})") from error
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise BundleError("the manifest has no schema version; this is no bundle")
    if version > SCHEMA_VERSION:
        raise BundleError(
            f"it was written by a newer defectory (schema {version}; this one reads up to "
            f"{SCHEMA_VERSION}): update with  pip install -U defectory"
        )
    missing = {"detector", "backbone", "facts", "sha256"} - set(manifest)
    if version < 1 or missing:
        raise BundleError(f"the manifest lacks {sorted(missing) or 'a valid schema version'}")
    return dict(manifest)
