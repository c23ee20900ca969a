"""The detector that the options of a fit ask for, not fitted yet."""

from collections.abc import Callable
from inspect import signature
from pathlib import Path

from defectory.backbones import FeatureStore
from defectory.backbones.weights import check_weights
from defectory.calibration import n_normals_needed
from defectory.calibration.thresholds import check_share
from defectory.detectors import find_detector
from defectory.detectors.base import Detector
from defectory.detectors.evidence.speeds import find_speed
from defectory.domain import ParameterError, check_settings
from defectory.workflows.fitting.options import FitOptions


def make_detector(options: FitOptions, store: FeatureStore | None) -> Detector:
    """Return it with the settings of the options; ParameterError where they do not fit."""
    return _with_weights(_chosen(options, store), options.weights)


def _chosen(options: FitOptions, store: FeatureStore | None) -> Detector:
    if not isinstance(options.detector, str):
        return _own_copy(options.detector, options, store)
    make: Callable[..., Detector] = find_detector(options.detector)
    _check_options(options)
    settings = {**_shared(options), "cache": store}
    known = signature(make).parameters
    if "n_tiles" not in known and options.n_tiles != 1:
        raise ParameterError(
            f"{options.detector} reads no tiles; leave tiles out, or take the detector gaussian"
        )
    usual = _shared(FitOptions())
    # a plug-in may have none of these
    for name, what in (("backbone", "backbone"), ("size_px", "size"), ("speed", "speed")):
        if name not in known and settings[name] != usual[name]:
            raise ParameterError(f"{options.detector} has no {what} to choose; leave {what} out")
    return make(**{name: value for name, value in settings.items() if name in known})


def _own_copy(given: object, options: FitOptions, store: FeatureStore | None) -> Detector:
    """Return an unfitted detector with the settings of the given one, which stays as it is."""
    if not isinstance(given, Detector):
        kind = given.__name__ if isinstance(given, type) else type(given).__name__
        raise ParameterError(
            f"detector is {kind}; give a name such as 'auto', or a detector object"
        )
    _check_options(options)
    own, usual = given.config(), _shared(FitOptions())
    if "speed" not in own and options.speed != usual["speed"]:
        raise ParameterError(f"{given.name} has no speed to choose; leave speed out")
    for name, value in _shared(options).items():
        if value not in (usual[name], own.get(name, usual[name])):
            raise ParameterError(
                f"{name} is {value!r}, but the {given.name} given has {own.get(name, 'none')!r}; set it there"
            )
    copy = type(given)(**own)
    copy.cache, copy.resources = given.cache or store, given.resources
    copy.weights = given.weights
    return copy


def _with_weights(detector: Detector, weights: Path | None) -> Detector:
    """Return the detector with a file of weights for its backbone; ParameterError where it can have none."""
    if weights is not None:
        backbone = getattr(detector, "backbone", None)
        if not isinstance(backbone, str):
            raise ParameterError(f"{detector.name} has no backbone to choose; leave weights out")
        check_weights(backbone, weights)
        detector.weights = weights
    return detector


def _check_options(options: FitOptions) -> None:
    check_settings(vars(options))
    find_speed(options.speed)  # refuses names that are none
    n_normals_needed(options.false_reject_rate, options.confidence)  # refuses rates outside (0, 1)
    if options.miss_rate is not None:
        check_share("miss rate", options.miss_rate)


def _shared(options: FitOptions) -> dict[str, str | int]:
    """Return the settings that several detectors have."""
    return {
        "backbone": options.backbone,
        "size_px": options.size_px,
        "n_tiles": options.n_tiles,
        "speed": options.speed,
        "seed": options.seed,
    }
