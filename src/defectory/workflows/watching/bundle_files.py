"""The bundle that judges: loaded anew when its file is replaced, and kept where the new one is of no use."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from defectory.domain import BundleError, DefectoryError
from defectory.workflows.alarms import fresh_alarm
from defectory.workflows.calibrated import CalibratedDetector, load_hashed
from defectory.workflows.watching.listing import FileState, state_of

if TYPE_CHECKING:
    from defectory.reports.content import HeatScale

_DIGITS = 12


@dataclass(frozen=True)
class Judge:
    """A bundle, ready to judge.

    Attributes
    ----------
    model : the detector with its threshold
    name : of the file, with the beginning of its SHA-256: parts@0123456789ab
    heat_scale : colors of heatmaps; None where there are none
    """

    model: CalibratedDetector
    name: str
    heat_scale: "HeatScale | None"


class BundleFile:
    """A bundle on disk.

    Parameters
    ----------
    path : of the bundle
    false_reject_rate, miss_rate : decide by other promises than the bundle's
    has_alarm : a bundle that has no scores to watch by cannot be used
    has_heatmaps : prepare the colors
    say : told when another bundle judges from now on, or cannot

    Raises
    ------
    BundleError, PluginError, ParameterError : it cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        false_reject_rate: float | None,
        miss_rate: float | None,
        has_alarm: bool,
        has_heatmaps: bool,
        say: Callable[[str], None],
    ) -> None:
        self._path = path
        self._rates = false_reject_rate, miss_rate
        self._has_alarm = has_alarm
        self._has_heatmaps = has_heatmaps
        self._say = say
        self._state: FileState | None = None
        self.judge = self._load()

    def take_up(self) -> bool:
        """Load the bundle if its file was replaced; return whether another one judges from now on."""
        try:
            state = state_of(self._path)
        except OSError:  # it is being replaced, or lies on a disk that is away
            return False
        if state == self._state:
            return False
        before = self.judge
        try:
            self.judge = self._load()
        except DefectoryError as error:
            self._state = state
            self._say(f"{before.name} goes on judging, since the bundle on disk cannot: {error}")
            return False
        if self.judge.name == before.name:
            return False
        self._say(f"{self.judge.name} judges from now on, instead of {before.name}")
        return True

    def _load(self) -> Judge:
        try:
            state = state_of(self._path)
        except OSError as error:
            raise BundleError(f"cannot read {self._path}: {error.strerror or error}") from error
        model, digest = load_hashed(self._path, *self._rates)
        if self._has_alarm:
            fresh_alarm(model)
        scale = None
        if self._has_heatmaps and model.bundle.detector.capabilities.localizes:
            from defectory.workflows.heat_scale import heat_scale_of

            scale = heat_scale_of(model)
        # as it was before it was read: what is replaced meanwhile is loaded again
        self._state = state
        return Judge(model, f"{self._path.stem}@{digest[:_DIGITS]}", scale)
