import hashlib
import json
import zipfile

import numpy as np
import pytest

from defectory.artifacts import save_bundle
from defectory.detectors import find_detector
from defectory.domain import ArrayImages
from tests.bundles import bundle_of
from tests.pictures import disc

_FEW_STEPS = {"n_steps": 6, "n_memory": 3, "width": 0.25}
SMALL = {"patch-memory": {"n_bank": 40, "n_dims": 6}, "memseg": {"n_steps": 6}, "mapl": _FEW_STEPS}


@pytest.fixture(scope="session")
def pictures():
    rng = np.random.default_rng(0)
    return ArrayImages([disc(rng, 64) for _ in range(8)])


@pytest.fixture(scope="session")
def fitted(pictures):
    """A function from the name of a detector to a bundle of one fitted on a few small pictures."""
    bundles = {}

    def fit(name):
        if name not in bundles:
            detector = find_detector(name)(size_px=64, **SMALL.get(name, {})).fit(pictures)
            scores = np.linspace(0, 1, 7)
            bundles[name] = bundle_of(detector, scores=scores, notes=("größer",))
        return bundles[name]

    return fit


@pytest.fixture(scope="session")
def saved(fitted, tmp_path_factory):
    """The path of a sound bundle, not to be changed."""
    path = tmp_path_factory.mktemp("bundle") / "sound.defectory"
    save_bundle(fitted("patch-memory"), path)
    return path


@pytest.fixture(scope="session")
def members(saved):
    """Name -> content of the sound bundle's members."""
    with zipfile.ZipFile(saved) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def forge(members, tmp_path):
    """A function that writes a bundle with other contents and true checksums, and gives its path."""

    def write(*, manifest=None, edit=None, arrays=None, backbone=None):
        contents = dict(members)
        contents["arrays.safetensors"] = members["arrays.safetensors"] if arrays is None else arrays
        contents["backbone.onnx"] = members["backbone.onnx"] if backbone is None else backbone
        data = json.loads(members["manifest.json"])
        data["sha256"] = {
            name: hashlib.sha256(contents[name]).hexdigest() for name in data["sha256"]
        }
        if edit is not None:
            edit(data)
        contents["manifest.json"] = json.dumps(data).encode() if manifest is None else manifest
        return write_zip(tmp_path / "forged.defectory", contents.items())

    return write


def write_zip(path, contents, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents:
            archive.writestr(name, content)
    return path
