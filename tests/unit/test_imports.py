"""The base install imports fast: nothing that only fitting, serving or tests need."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = {"torch", "torchvision", "timm", "ray", "onnx", "sklearn", "scipy", "matplotlib", "pyarrow"}
PROGRAM = """
import sys, json
{}
print(json.dumps(sorted(name.partition(".")[0] for name in sys.modules)))
"""


def modules_after(statement):
    command = [sys.executable, "-c", PROGRAM.format(statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


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
        "api.fit",
        "api.model",
    ],
)
def test_no_room_imports_what_is_an_extra(room):
    modules = modules_after(f"import defectory.{room}")
    assert "defectory" in modules
    assert not modules & HEAVY


READING = """
from defectory.backbones import View, load_backbone
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
