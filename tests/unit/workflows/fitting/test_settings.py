"""Settings given from Python are refused before any work starts."""

from math import nan
from pathlib import Path

import pytest

from defectory.detectors import detector_names
from defectory.detectors.gaussian import Gaussian
from defectory.domain import ParameterError
from defectory.workflows.evaluation.evaluate import evaluate
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("seed", -1), ("seed", 0.5), ("size_px", nan), ("time_budget_s", nan),
        ("max_memory_bytes", nan), ("false_reject_rate", nan), ("confidence", nan),
    ],
)  # fmt: skip
def test_fit_refuses_them_before_it_looks_at_the_data(setting, value):
    with pytest.raises(ParameterError, match=f"^{setting} is {value}; give"):
        fit_dataset(Path("no-such-folder"), FitOptions(**{setting: value}))


def test_evaluate_refuses_a_negative_seed_before_it_looks_at_the_data():
    with pytest.raises(ParameterError, match=r"^seed is -1; give an integer of at least 0$"):
        evaluate(None, Path("no-such-folder"), seed=-1)  # type: ignore[arg-type]


BARE = """
from defectory.detectors.gaussian import Gaussian

class Bare(Gaussian):
    name = "bare"

    def __init__(self, *, seed=0):
        super().__init__(seed=seed)
"""


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("backbone", "timm:resnet18", "backbone"), ("size_px", 64, "size"), ("n_tiles", 2, "tiles"),
        ("speed", "fast", "speed"),
    ],
)  # fmt: skip
def test_a_setting_that_a_plugin_does_not_have_is_not_lost(setting, value, what, site):
    site.install("acme", code=BARE, detector="bare = acme:Bare")
    with pytest.raises(ParameterError, match=rf"^bare .*leave {what} out"):
        fit_dataset(Path("no-such-folder"), FitOptions("bare", **{setting: value}))


@pytest.mark.parametrize(
    "detector", [*(name for name in detector_names() if name != "auto"), Gaussian()]
)
def test_only_auto_has_a_speed_to_choose(detector):
    with pytest.raises(ParameterError, match=r"^\S+ has no speed to choose; leave speed out$"):
        fit_dataset(Path("no-such-folder"), FitOptions(detector, speed="fast"))


def test_a_speed_of_another_name_is_refused_with_those_there_are():
    with pytest.raises(ParameterError, match=r"^speed is 'slow'; give fast"):
        fit_dataset(Path("no-such-folder"), FitOptions(speed="slow"))


def test_weights_that_no_backbone_is_there_for_are_refused_before_the_data_are_read(tmp_path, site):
    (tmp_path / "a.pth").touch()
    for options, said in (
        (FitOptions(weights=tmp_path / "a.pth"), "^efficientnet-lite0 brings its own weights"),
        (FitOptions(Gaussian(), weights=tmp_path / "a.pth"), "^efficientnet-lite0 brings"),
        (FitOptions(backbone="timm:x", weights=tmp_path / "b.pth"), r"b\.pth cannot be read"),
    ):
        with pytest.raises(ParameterError, match=said):
            fit_dataset(Path("no-such-folder"), options)
    site.install("acme", code=BARE, detector="bare = acme:Bare")
    with pytest.raises(ParameterError, match="backbone timm:NAME"):
        fit_dataset(Path("no-such-folder"), FitOptions("bare", weights=tmp_path / "a.pth"))
