"""Files of weights are read without running code, and fit their network or are told by name."""

import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from defectory.backbones.weight_files import fit_weights, hash_weights, read_weights
from defectory.backbones.weights import check_weights
from defectory.domain import ParameterError


class Network(torch.nn.Module):
    """As timm's networks are: a state, and settings that name the classifier."""

    pretrained_cfg = {"classifier": "fc"}  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4, 2)


def state():
    torch.manual_seed(0)
    return Network().state_dict()


SAVERS = {
    "a.safetensors": lambda weights, path: save_file(weights, path),
    "a.pth": torch.save,
    "state_dict.pt": lambda weights, path: torch.save({"state_dict": weights, "epoch": 3}, path),
    "parallel.bin": lambda weights, path: torch.save(
        {"model": {f"module.{key}": value for key, value in weights.items()}}, path
    ),
}


@pytest.mark.parametrize("name", SAVERS)
def test_the_same_tensors_come_back_from_each_kind_of_file(name, tmp_path):
    SAVERS[name](state(), tmp_path / name)
    found = read_weights(tmp_path / name)
    assert found.keys() == state().keys()
    assert all(torch.equal(found[key], value) for key, value in state().items())


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda it, path: path.write_bytes(pickle.dumps(it))])
def test_code_in_a_file_is_not_run(save, tmp_path):
    save({"conv.weight": Bomb(tmp_path / "ran")}, tmp_path / "a.pth")
    with pytest.raises(
        ParameterError, match=r"a\.pth hold more than tensors \(code, perhaps\)"
    ) as told:
        read_weights(tmp_path / "a.pth")
    assert not (tmp_path / "ran").exists()
    assert "\n" not in str(told.value)


def _zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", "b")


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("a.safetensors", lambda path: path.write_bytes(b"no"), "are no safetensors file"),
        ("a.safetensors", lambda path: path.mkdir(), "are no safetensors file"),
        ("a.pth", lambda path: path.write_bytes(b""), "are no state dict that torch can read"),
        ("a.pth", lambda path: path.write_bytes(b"no"), "hold more than tensors|are no state dict"),
        ("a.pth", _zip, "are no state dict that torch can read"),
        ("a.pth", lambda path: torch.save([1, 2], path), "hold no state dict"),
        ("a.pth", lambda path: torch.save({"epoch": 3}, path), "hold no state dict"),
        ("a.pth", lambda path: torch.save({}, path), "hold no state dict"),
    ],
)
def test_other_files_are_refused_in_one_line(name, write, said, tmp_path):
    write(tmp_path / name)
    with pytest.raises(ParameterError, match=said) as told:
        read_weights(tmp_path / name)
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_refused_before_work_starts(tmp_path):
    with pytest.raises(ParameterError, match=r"no\.pth cannot be read: No such file"):
        check_weights("timm:resnet18", tmp_path / "no.pth")
    with pytest.raises(ParameterError, match="cannot be read: Is a directory"):
        hash_weights(tmp_path)


def test_weights_need_a_network_that_they_are_for(tmp_path):
    with pytest.raises(ParameterError, match="efficientnet-lite0 brings its own weights"):
        check_weights("efficientnet-lite0", tmp_path)


@pytest.mark.parametrize("gone", [(), ("fc.weight", "fc.bias"), ("norm.num_batches_tracked",)])
def test_weights_that_fit_give_the_whole_state(gone, tmp_path):
    network = Network()
    given = {key: value for key, value in state().items() if key not in gone}
    found = fit_weights(given, network, tmp_path, "it")
    assert found.keys() == network.state_dict().keys()
    assert all(torch.equal(found[key], given[key]) for key in given if not key.startswith("fc."))


def test_a_classifier_of_other_classes_does_not_matter(tmp_path):
    network = Network()
    found = fit_weights({**state(), "fc.weight": torch.zeros(9, 4)}, network, tmp_path, "it")
    assert found["fc.weight"].shape == (2, 4)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"conv.bias": None}, r"1 missing \(conv\.bias\)$"),
        ({"more.weight": torch.zeros(1)}, r"1 unexpected \(more\.weight\)$"),
        ({"conv.bias": torch.zeros(5)}, r"1 of another shape \(conv\.bias\)$"),
        ({"conv.bias": None, "x": torch.zeros(1)}, r"1 missing \(conv\.bias\), 1 unexpected \(x\)$"),
        (dict.fromkeys(("conv.weight", "conv.bias", "norm.weight", "norm.bias")), r"4 missing .*, \.\.\.\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(change, said, tmp_path):
    given = {key: value for key, value in {**state(), **change}.items() if value is not None}
    with pytest.raises(ParameterError, match=rf"a\.pth do not fit timm:x: {said}"):
        fit_weights(given, Network(), tmp_path / "a.pth", "timm:x")
