"""Every detector with networks of timm and a file of (random) weights, down to a bundle without torch."""

import importlib.util
import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors.torch import save_file

import defectory
from defectory.detectors import find_detector
from defectory.testing.pictures import defective, products

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("timm") is None, reason='timm is not installed (extra "timm")'
)

# As small as they may be: what is tested is that they fit, not how well.
SETTINGS = {
    "auto": {"size_px": 64},
    "gaussian": {"size_px": 64, "n_tiles": 2},
    "patch-memory": {"size_px": 64, "n_bank": 64},
    "mapl": {"size_px": 64, "n_steps": 6},
    "memseg": {"size_px": 64, "n_steps": 6},
    "mcod": {"size_px": 64, "n_epochs": 2, "n_folds": 0},
}
DINOV2, DINOV3 = "vit_small_patch14_dinov2", "vit_small_patch16_dinov3"
NETWORKS = ("resnet18", "vit_tiny_patch16_224", DINOV2, DINOV3)
PAIRS = (
    *((name, network) for name in SETTINGS for network in ("resnet18", DINOV2)),
    *(("auto", network) for network in ("vit_tiny_patch16_224", DINOV3)),
)
SCORE = """
import sys, json
sys.modules.update(dict.fromkeys(("torch", "timm", "onnx", "safetensors.torch")))
import numpy, defectory
images = list(numpy.load(sys.argv[2]))
print(json.dumps([float(found.score) for found in defectory.load(sys.argv[1]).predict(images)]))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Name -> file of random weights."""
    import timm
    import torch

    folder, found = tmp_path_factory.mktemp("weights"), {}
    for name in NETWORKS:
        torch.manual_seed(0)
        state = timm.create_model(name).state_dict()
        found[name] = folder / f"{name}.safetensors"
        save_file({key: value.contiguous() for key, value in state.items()}, found[name])
    return found


@pytest.fixture(autouse=True, scope="module")
def _one_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.filterwarnings("ignore::defectory.DefectoryWarning")  # so few images promise little
@pytest.mark.parametrize(("name", "network"), PAIRS)
def test_a_detector_fits_scores_and_ships_without_torch(name, network, files, tmp_path):
    detector = find_detector(name)(backbone=f"timm:{network}", **SETTINGS[name])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("socket.socket.connect", lambda *_: pytest.fail("a network was tried"))
        model = defectory.fit(products(10), detector=detector, weights=files[network])
    images = products(4, seed=1) + defective()
    scores = [found.score for found in model.predict(images)]
    assert np.isfinite(scores).all()
    assert len(set(scores)) == len(scores)
    path = tmp_path / "a.defectory"
    model.save(path)
    np.save(tmp_path / "images.npy", np.stack(images))
    command = [sys.executable, "-c", SCORE, str(path), str(tmp_path / "images.npy")]
    again = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert again == scores
