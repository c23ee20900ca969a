"""The base install imports fast: nothing that only fitting, serving or tests need."""

import importlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from defectory.artifacts import save_bundle
from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from tests.bundles import bundle_of
from tests.pictures import disc, save

MOST_MODULES = {"an image": 80, "a folder": 83}
"""Of ours that scoring loads, by what is scored: names in a folder can say that images are masks."""
HEAVY = {
    "torch", "torchvision", "timm", "ray", "onnx", "sklearn", "scipy", "matplotlib", "pyarrow", "starlette",
    "uvicorn", "prometheus_client", "python_multipart", "fsspec", "s3fs", "aiohttp", "botocore",
}  # fmt: skip
PROGRAM = """
import sys, json
{}
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""


def modules_after(statement):
    command = [sys.executable, "-c", PROGRAM.format(statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_package_itself_imports_next_to_nothing():
    """Not even NumPy: whoever asks only for the version should not wait."""
    modules = modules_after("import defectory; defectory.__version__")
    assert not modules & (HEAVY | {"numpy", "onnxruntime", "PIL"})


@pytest.mark.parametrize(
    "room",
    [
        "domain",
        "sources",
        "metrics",
        "memory",
        "backbones",
        "calibration",
        "pseudolabels",
        "reports",
        "detectors",
        "artifacts",
        "workflows.reviewing.project",
        "workflows.watching.watch",
        "review",
        "cli.review",
        "cli.score",
        "remote.reading_ahead",
        "workflows.remote_data",
        "service",
        "cli.serve",
        "web.extras",
        "workflows.serving.records",
        "api.fit",
        "api.model",
    ],
)
def test_no_room_imports_what_is_an_extra(room):
    modules = modules_after(f"import defectory.{room}")
    assert "defectory" in modules
    assert not modules & HEAVY


@pytest.mark.parametrize("room", ["", ".backbones", ".machine", ".sources"])
def test_a_name_that_no_module_has_is_an_attribute_error(room):
    package = importlib.import_module(f"defectory{room}")
    with pytest.raises(
        AttributeError, match=f"^module 'defectory{room}' has no attribute 'nothing'$"
    ):
        _ = package.nothing


READING = """
from defectory.backbones import View
from defectory.backbones.weights import load_backbone
import numpy as np
load_backbone(stages=("block0",)).run(np.zeros((8, 8, 3), np.uint8), View(32))
"""


def test_reading_features_leaves_only_our_own_files_in_the_cache(tmp_path):
    """ONNX Runtime would put a device id there, and report under it over the network."""
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    environment["XDG_CACHE_HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", READING], check=True, timeout=60, env=environment)
    assert [path.name for path in tmp_path.iterdir()] == ["defectory"]


def test_the_check_sees_a_heavy_import():
    assert modules_after("import scipy") & HEAVY == {"scipy"}


COMMAND = """
from defectory.cli.main import main
main({}, standalone_mode=False)
"""


def our_modules_after(*arguments):
    program = "import sys\n" + COMMAND.format(list(map(str, arguments)))
    program += "print(*[name for name in sys.modules if name.split('.')[0] == 'defectory'])"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_waits_for_no_library_but_click():
    modules = modules_after(COMMAND.format(["--help"]))
    assert "click" in modules
    assert not modules & (HEAVY | {"numpy", "onnxruntime", "PIL", "rich", "msgspec", "jinja2"})


@pytest.mark.parametrize("scored", MOST_MODULES)
def test_scoring_imports_what_scoring_needs(scored, tmp_path):
    """No other detector, no fit, no report, no data doctor, and few modules in all."""
    rng = np.random.default_rng(0)
    pictures = [disc(rng, 64) for _ in range(4)]
    detector = find_detector("gaussian")(size_px=64).fit(ArrayImages(pictures))
    save_bundle(bundle_of(detector), tmp_path / "a.defectory")
    image = save(tmp_path / "images" / "a.png", pictures[0])
    given = image if scored == "an image" else image.parent
    found = our_modules_after("score", tmp_path / "a.defectory", given, "-o", tmp_path / "out")
    assert "defectory.detectors.gaussian" in found
    for name in (
        "detectors.auto", "detectors.mapl", "detectors.patch_memory", "detectors.moments",
        "detectors.statistics", "detectors.grouping", "detectors.gaussian_left_out", "memory",
        "backbones.weights", "backbones.efficientnet_lite", "backbones.feature_cache",
        "backbones.kept_features", "backbones.camera_noise", "backbones.openvino_sessions",
        "reports.content", "sources.inspection", "sources.folders", "sources.trees",
        "sources.manifests", "sources.mask_files", "sources.source_dataset", "workflows.fitting.fit",
        "workflows.memory", "machine.memory", "cli.fit", "cli.suggestions", "domain.nearest",
        "domain.suspects", "domain.resources",
        "plugins", "remote", "training", "metrics", "pseudolabels", "simulation",
    ):  # fmt: skip
        assert f"defectory.{name}" not in found
    assert len(found) <= MOST_MODULES[scored]
