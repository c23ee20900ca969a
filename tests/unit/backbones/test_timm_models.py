"""timm networks behind our interface; what needs timm itself skips where it is missing."""

import importlib.util

import numpy as np
import pytest
from safetensors.torch import save_file

from defectory.backbones.sessions import Network
from defectory.backbones.timm_models import convert_timm
from defectory.backbones.weight_files import hash_weights
from defectory.backbones.weights import load_backbone
from defectory.domain import MissingExtraError, ParameterError

HAS_TIMM = importlib.util.find_spec("timm") is not None
needs_timm = pytest.mark.skipif(not HAS_TIMM, reason='timm is not installed (extra "timm")')
# The smallest of each kind: of published detectors, and a transformer of timm's own tests.
DINOV2, DINOV3, SMALL = "vit_small_patch14_dinov2", "vit_small_patch16_dinov3", "test_vit"


@pytest.mark.skipif(HAS_TIMM, reason="timm is installed, so nothing is missing")
@pytest.mark.parametrize("start", [convert_timm, lambda name: load_backbone(f"timm:{name}")])
def test_without_timm_one_error_names_the_install_command(start, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(MissingExtraError, match=r'timm:resnet18.*pip install "defectory\[timm\]"'):
        start("resnet18")


def random_network(name, **settings):
    """A network of timm with random weights, the same ones each time."""
    import timm
    import torch

    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False, **settings).eval()


@pytest.fixture
def save_weights(tmp_path):
    """A function that saves random weights of a network, and returns the file."""

    def save(name):
        path = tmp_path / f"{name}.safetensors"
        save_file({k: v.contiguous() for k, v in random_network(name).state_dict().items()}, path)
        return path

    return save


def image_of(height, width):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixels_for(network, image):
    import torch

    mean, std = (torch.tensor(network.pretrained_cfg[k]).view(1, 3, 1, 1) for k in ("mean", "std"))
    return (torch.from_numpy(image).permute(2, 0, 1)[None] / 255 - mean) / std


def assert_features(model, card, image, expected):
    """Past `Backbone`, which takes multiples of 32 px only."""
    network = Network(model, [stage.name for stage in card.stages], what="it")
    found = network.run({"image": image[None]})
    for stage, features, truth in zip(card.stages, found, expected, strict=True):
        cells = [side // stage.stride_px for side in image.shape[:2]]
        assert features.shape == (1, stage.n_channels, *cells)
        np.testing.assert_allclose(features, truth, rtol=0, atol=1e-4 * float(truth.abs().max()))


@needs_timm
@pytest.mark.parametrize("shape", [(128, 128), (224, 160)])
def test_features_are_those_of_timm_at_any_size(shape, save_weights):
    import torch

    network, image = random_network("resnet18", features_only=True), image_of(*shape)
    with torch.inference_mode():
        expected = network(pixels_for(network, image))
    model, card = convert_timm("resnet18", save_weights("resnet18"))
    assert [stage.stride_px for stage in card.stages] == [2, 4, 8, 16, 32]
    assert_features(model, card, image, expected)


@needs_timm
@pytest.mark.parametrize(
    ("name", "side_px", "shown_px"), [(SMALL, 160, 160), (DINOV3, 96, 96), (DINOV2, 592, 518)]
)
def test_transformers_give_patches_of_16_px_at_the_end_of_each_quarter(
    name, side_px, shown_px, save_weights
):
    """Compared at the size that position embeddings were made for, where nothing interpolates them."""
    import torch

    network = random_network(name, dynamic_img_size=True)
    n = len(network.blocks)
    ends = [-(-n * quarter // 4) - 1 for quarter in (1, 2, 3, 4)]
    image = image_of(side_px, side_px)
    shown = torch.nn.functional.interpolate(
        pixels_for(network, image), (shown_px, shown_px), mode="bilinear"
    )
    with torch.inference_mode():
        expected = network.forward_intermediates(shown, indices=ends, intermediates_only=True)
    model, card = convert_timm(name, save_weights(name))
    assert [stage.stride_px for stage in card.stages] == [16] * 4
    assert_features(model, card, image, expected)


@needs_timm
def test_the_card_names_the_network_and_its_file(save_weights):
    path = save_weights("resnet18")
    _, card = convert_timm("resnet18", path)
    assert card.id == f"timm:resnet18@{hash_weights(path)[:12]}"
    assert card.source.endswith("file resnet18.safetensors")
    assert card.license == "see where the file comes from"


@needs_timm
def test_random_weights_are_not_passed_off_as_published_ones():
    _, card = convert_timm("resnet18", pretrained=False)
    assert "random weights" in card.source
    assert card.license == "none"


@needs_timm
@pytest.mark.parametrize("name", ["no_such_model", "swin_tiny_patch4_window7_224", "hf-hub:a/b"])
def test_unknown_and_fixed_size_networks_are_refused_in_one_line(name):
    with pytest.raises(ParameterError, match=name) as told:
        convert_timm(name, pretrained=False)
    assert "\n" not in str(told.value)


@needs_timm
def test_weights_of_another_network_are_refused_by_what_does_not_fit(save_weights):
    with pytest.raises(
        ParameterError, match=r"do not fit timm:resnet34: \d+ missing \(layer"
    ) as told:
        convert_timm("resnet34", save_weights("resnet18"))
    assert "\n" not in str(told.value)
    with pytest.raises(ParameterError, match="of another shape"):
        convert_timm("vit_base_patch16_224", save_weights("vit_small_patch16_224"))


@needs_timm
def test_without_a_file_timms_cache_is_asked_and_nothing_is_fetched(
    save_weights, tmp_path, monkeypatch
):
    import torch
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "torch"))
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a network was tried"))
    with pytest.raises(
        ParameterError, match=r"no weights of timm:resnet18 on this machine.*--weights FILE"
    ):
        convert_timm("resnet18")
    name = random_network("resnet18").pretrained_cfg["hf_hub_id"].replace("/", "--")
    kept = tmp_path / "hub" / f"models--{name}"
    for folder in ("refs", "snapshots/abc"):
        (kept / folder).mkdir(parents=True)
    (kept / "refs/main").write_text("abc")
    path = save_weights("resnet18").rename(kept / "snapshots/abc/model.safetensors")
    _, card = convert_timm("resnet18")
    assert card.weights_sha256 == hash_weights(path)
    assert "timm/resnet18" in card.source


@needs_timm
def test_each_file_is_converted_once_and_for_itself(save_weights, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = save_weights("resnet18")
    first = load_backbone("timm:resnet18", ("block7",), weights=path)
    kept = sorted(tmp_path.rglob("*.onnx"))
    again = load_backbone("timm:resnet18", ("block7",), weights=path)
    assert again.card == first.card
    assert sorted(tmp_path.rglob("*.onnx")) == kept
    path.write_bytes(b"{}")
    with pytest.raises(ParameterError, match="are no safetensors file"):
        load_backbone("timm:resnet18", ("block7",), weights=path)


@needs_timm
def test_files_of_dinov2s_authors_fit(tmp_path):
    """They hold a token for masks beside what timm has."""
    import torch

    state = random_network(DINOV2).state_dict()
    torch.save({**state, "mask_token": torch.zeros(1, 384)}, tmp_path / "dinov2_vits14.pth")
    _, card = convert_timm(DINOV2, tmp_path / "dinov2_vits14.pth")
    assert card.weights_sha256 == hash_weights(tmp_path / "dinov2_vits14.pth")
