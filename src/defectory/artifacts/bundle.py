"""The bundle: one file that scores the same wherever it is shipped.

A ZIP archive, stored without compression, of three members, four where a network was trained, and one
more where images are kept:

    manifest.json        schema version, detector and its config, weight card, promise, facts, checksums
    arrays.safetensors   learned arrays and calibration scores
    backbone.onnx        the network that gives features, cut to what the detector reads
    head.onnx            what was trained on these features
    probes.msgpack       small images of the fit, by which an exported copy is checked; see `probes`

No pickle, and nothing is ever unpacked to disk, so member names cannot lead anywhere.
"""

import hashlib
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from defectory.artifacts.archive import read_archive, read_first_member, write_archive
from defectory.artifacts.manifest import (
    MAX_MANIFEST_BYTES,
    BackboneEntry,
    BundleFacts,
    DetectorEntry,
    Manifest,
    Promise,
    is_our_manifest,
    make_manifest,
    read_manifest,
)
from defectory.backbones import Backbone, time_limit
from defectory.detectors import Detector, find_bundled_detector, provider_of
from defectory.detectors.arrays import check_array, to_groups, to_hashes, to_numbers
from defectory.domain import (
    ArrayImages,
    BundleError,
    DefectScores,
    HeldOutScores,
    ParameterError,
    PluginError,
    Provider,
    check_settings,
    own_groups,
)
from defectory.storage import FileKind, OutputFile, write_outputs

if TYPE_CHECKING:
    from defectory.artifacts.probes import Probe

_MANIFEST, _ARRAYS, _BACKBONE = "manifest.json", "arrays.safetensors", "backbone.onnx"
_HEAD = "head.onnx"
_PROBES = "probes.msgpack"
_MAX_PROBE_MEMBER_BYTES = 2 * 2**20
_TRIAL_S = 10.0
_DTYPES = (np.float32, np.float16, np.int8)
_DETECTOR_PREFIX, _CALIBRATION_PREFIX = "detector.", "calibration."
_DEFECTS_PREFIX = "defects."


@dataclass(frozen=True)
class Bundle:
    """A fitted detector with what its threshold and its story need.

    Attributes
    ----------
    detector : fitted
    calibration : raw scores of held-out normals, that thresholds are fitted on; always kept
    promise : what the threshold keeps
    facts : data fingerprint, seed, label counts, versions, notes
    defects : scores of defects that nothing was learned from, for what the promise costs
    notes : what is to be said of it where it was loaded: a plug-in of another version
    probes : small images of the fit, for exports to be checked by; none where none are to be kept
    """

    detector: Detector
    calibration: HeldOutScores
    promise: Promise
    facts: BundleFacts
    defects: DefectScores = field(default_factory=DefectScores.none)
    notes: tuple[str, ...] = ()
    probes: "tuple[Probe, ...]" = ()


def save_bundle(bundle: Bundle, path: Path | str, *, overwrite: bool = False) -> None:
    """Write the bundle whole or not at all.

    Parameters
    ----------
    overwrite : a bundle may be replaced; anything else that is there stays in either case

    Raises
    ------
    OutputError : there is something already, or the file cannot be written.
    BundleError : something in it is such that the file would not load.
    PluginError : the detector is of no installed package, so that nobody could load the file.
    """
    with write_outputs([OutputFile(Path(path), BUNDLE_FILE)], overwrite=overwrite) as (part,):
        write_bundle(bundle, part)


def write_bundle(bundle: Bundle, path: Path) -> None:
    """Write the bundle into a file of a transaction: BundleError, and OSError as it comes."""
    detector = bundle.detector
    arrays = {f"{_DETECTOR_PREFIX}{key}": value for key, value in detector.arrays().items()}
    arrays |= {f"{_CALIBRATION_PREFIX}{k}": v for k, v in _calibration_arrays(bundle).items()}
    arrays[f"{_DEFECTS_PREFIX}scores"] = bundle.defects.scores
    arrays[f"{_DEFECTS_PREFIX}is_simulated"] = np.array([bundle.defects.is_simulated], np.int8)
    arrays[f"{_DEFECTS_PREFIX}is_fair"] = np.array([bundle.defects.is_fair], np.int8)
    _check_arrays(arrays)
    members = {
        _ARRAYS: safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()}),
        _BACKBONE: detector.backbone_.model,
    }
    if detector.head_ is not None:
        members[_HEAD] = detector.head_
    if bundle.probes:
        from defectory.artifacts.probes import pack_probes  # not every bundle has some

        members[_PROBES] = pack_probes(bundle.probes)
    manifest = make_manifest(
        DetectorEntry(detector.name, detector.config(), provider_of(detector)),
        BackboneEntry(
            detector.backbone_.card, tuple(stage.name for stage in detector.backbone_.stages)
        ),
        bundle.promise,
        bundle.facts,
        {name: hashlib.sha256(content).hexdigest() for name, content in members.items()},
    )
    write_archive(path, {_MANIFEST: manifest, **members})


def load_bundle(path: Path | str) -> Bundle:
    """Read a bundle and check all of it before anything is used.

    A bundle never makes foreign code run: the detector of another package is used where this process has
    imported it already, see `find_bundled_detector`.

    Raises
    ------
    BundleError : there is no bundle, or it is corrupt, truncated, hostile or of a newer schema.
    PluginError : its detector comes from a package that is not installed or was not allowed to run.
    """
    try:
        manifest, members = _read(Path(path))
        return _assemble(manifest, members)
    except PluginError as error:
        raise PluginError(f"{path}: {error}") from error
    except BundleError as error:
        raise BundleError(f"{path}: {_one_line(error)}") from error
    except MemoryError as error:
        raise BundleError(f"{path}: there is not enough memory to load it") from error
    except Exception as error:  # a crafted manifest can make the parts fail in any way
        raise BundleError(
            f"{path}: the manifest and the arrays do not fit together ({_one_line(error)})"
        ) from error


def is_bundle(path: Path | str) -> bool:
    """Return whether defectory wrote the file, damaged since or not: its manifest says so.

    Cheap (a manifest is read, no more), and no proof that it loads: for telling one's own files from others'.
    """
    content = read_first_member(Path(path), _MANIFEST, MAX_MANIFEST_BYTES)
    return content is not None and is_our_manifest(content)


BUNDLE_FILE = FileKind("a bundle", is_bundle)
"""What `save_bundle` writes, and may replace."""


def _read(path: Path) -> tuple[Manifest, dict[str, bytes]]:
    members = read_archive(
        path,
        frozenset({_MANIFEST, _ARRAYS, _BACKBONE}),
        frozenset({_HEAD, _PROBES}),
        {_MANIFEST: MAX_MANIFEST_BYTES, _PROBES: _MAX_PROBE_MEMBER_BYTES},
    )
    manifest = read_manifest(members.pop(_MANIFEST))
    if set(manifest.sha256) != set(members):
        raise BundleError("the manifest lists other members than there are")
    for name, content in members.items():
        if hashlib.sha256(content).hexdigest() != manifest.sha256[name]:
            raise BundleError(f"{name} is damaged: its checksum differs from the manifest's")
    return manifest, members


def _assemble(manifest: Manifest, members: dict[str, bytes]) -> Bundle:
    try:
        arrays = safetensors.numpy.load(members[_ARRAYS])
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise BundleError(f"the arrays are damaged ({error})") from error
    _check_arrays(arrays)
    calibration = _calibration(_strip(arrays, _CALIBRATION_PREFIX))
    defects = _defects(_strip(arrays, _DEFECTS_PREFIX), manifest.facts)
    detector = _make_detector(manifest.detector)
    limit_s = _trial_seconds(manifest.detector.config)
    with time_limit(limit_s) as is_over:
        backbone = Backbone(members[_BACKBONE], manifest.backbone.card, manifest.backbone.stages)
        detector.head_ = members.get(_HEAD)
        detector.restore(_strip(arrays, _DETECTOR_PREFIX), backbone)
        try:
            _try_out(detector)
        except BundleError as error:
            if not is_over.is_set():
                raise
            raise BundleError(f"its networks take more than {limit_s:g} s for an image") from error
    notes = _other_version(manifest.detector.provider, provider_of(detector))
    probes = _probes(members.get(_PROBES))
    return Bundle(detector, calibration, manifest.promise, manifest.facts, defects, notes, probes)


def _probes(content: bytes | None) -> "tuple[Probe, ...]":
    if content is None:
        return ()
    from defectory.artifacts.probes import unpack_probes  # not every bundle has some

    return unpack_probes(content)


def _make_detector(entry: DetectorEntry) -> Detector:
    try:
        make: Any = find_bundled_detector(entry.name, entry.provider)
    except ParameterError as error:
        raise BundleError(str(error)) from error
    unknown = sorted(set(entry.config) - set(make().config()))
    if unknown:
        raise BundleError(
            f"{entry.name} has no setting {unknown[0]!r} here: another version of defectory fitted it; "
            "fit again"
        )
    detector: Detector = make(**entry.config)
    check_settings(detector.config())
    return detector


def _other_version(fitted: Provider | None, here: Provider | None) -> tuple[str, ...]:
    if fitted is None or here is None or fitted.version == here.version:
        return ()
    return (f"it was fitted with {fitted}, and {here} is installed: scores may differ",)


def _calibration_arrays(bundle: Bundle) -> dict[str, NDArray[Any]]:
    """Return what is known of held-out scores as arrays of numbers; see `to_numbers` for the hashes."""
    known = bundle.calibration
    return {
        "scores": known.scores,
        "peaks": known.peaks,
        "is_confirmed": known.is_confirmed.astype(np.int8),
        "groups": own_groups(len(known), known.groups).astype(np.float32),
        "contents": to_numbers(known.contents),
    }


def _calibration(arrays: dict[str, NDArray[Any]]) -> HeldOutScores:
    try:
        scores = check_array(arrays, "scores", (None,))
        m = len(scores)
        peaks = check_array(arrays, "peaks", (None,))
        confirmed = check_array(arrays, "is_confirmed", (m,))
        groups = to_groups(check_array(arrays, "groups", (m,)))
        if scores.dtype != np.float32 or peaks.dtype != np.float32:
            raise ParameterError("scores and peaks are not float32")
        if not np.isin(confirmed, (0, 1)).all():
            raise ParameterError("what is confirmed is neither 0 nor 1")
        return HeldOutScores(
            scores,
            peaks,
            confirmed.astype(bool),
            groups,
            to_hashes(check_array(arrays, "contents", (m, None))),
        )
    except ParameterError as error:
        raise BundleError(f"the threshold's scores are damaged ({error})") from error


def _defects(arrays: dict[str, NDArray[Any]], facts: BundleFacts) -> DefectScores:
    try:
        is_simulated = check_array(arrays, "is_simulated", (1,))
        is_fair = not facts.chosen and not facts.has_left_its_fit  # older bundles do not say
        if "is_fair" in arrays:
            is_fair = bool(check_array(arrays, "is_fair", (1,))[0])
        return DefectScores(check_array(arrays, "scores", (None,)), bool(is_simulated[0]), is_fair)
    except ParameterError as error:
        raise BundleError(f"the scores of defects are damaged ({error})") from error


def _trial_seconds(config: Mapping[str, Any]) -> float:
    """Return how long networks may run in the trial; beyond 2048 px in proportion to the image's area."""
    sides = [config.get("size_px", 0), config.get("n_tiles", 1)]
    side_px = float(np.prod([side for side in sides if isinstance(side, int)], dtype=np.float64))
    return _TRIAL_S * min(max(1.0, (side_px / 2048) ** 2), 16.0)


def _try_out(detector: Detector) -> None:
    """Score a gray image: settings of wrong types, or a network of another kind, show here."""
    gray = np.full((32, 32, 3), 128, np.uint8)
    if not np.isfinite(detector.score(ArrayImages([gray])).image_scores).all():
        raise BundleError("its detector does not give finite scores")


def _check_arrays(arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if array.dtype not in _DTYPES or not np.isfinite(array).all():
            raise BundleError(f"array {name!r} is not of finite float32, float16 or int8")


def _strip(arrays: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}


def _one_line(error: Exception) -> str:
    return textwrap.shorten(str(error) or type(error).__name__, 400, placeholder=" ...")
