"""Which settings of MCOD are refused. Imports no torch."""

from collections.abc import Mapping
from typing import Any

from defectory.domain import ParameterError, check_settings

ENCODERS = ("packaged", "scratch", "scratch-small")
_GRID_SIDES = (1, 2, 4, 8)
_COUNTS = ("n_dims", "n_views", "n_epochs")
_TEMPERATURES = ("temperature", "cluster_temperature")
_WEIGHTS = ("contrast_weight", "cluster_weight", "balance_weight", "read_weight", "noise_ratio")


def check_mcod_settings(settings: Mapping[str, Any]) -> None:
    """Raise ParameterError where a setting is out of its range; see `Mcod` for the ranges."""
    check_settings(settings)
    if settings["encoder"] not in ENCODERS:
        raise ParameterError(
            f"no encoder is named {settings['encoder']!r}; there are {', '.join(ENCODERS)}"
        )
    if settings["grid_side"] not in _GRID_SIDES:
        raise ParameterError(f"grid_side is {settings['grid_side']}; choose 1, 2, 4 or 8")
    if min(settings[name] for name in _COUNTS) < 1 or settings["n_slots"] < 2:
        raise ParameterError("n_dims, n_views and n_epochs must be at least 1, n_slots at least 2")
    if min(settings[name] for name in _TEMPERATURES) <= 0:
        raise ParameterError("temperatures must be positive")
    if min(settings[name] for name in _WEIGHTS) < 0 or not 0 <= settings["trim_ratio"] <= 0.5:
        raise ParameterError("weights must not be negative, and trim_ratio is from 0 to .5")
    if settings["n_folds"] < 0 or settings["n_folds"] == 1:
        raise ParameterError(f"n_folds is {settings['n_folds']}; give 0, or at least 2")
