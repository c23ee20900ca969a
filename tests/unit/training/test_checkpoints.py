"""A checkpoint gives back exactly what it was given, or a clear error."""

import numpy as np
import pytest
import torch

from defectory.domain import CheckpointError, OutputError, ParameterError
from defectory.training.checkpoints import load_checkpoint, save_checkpoint


def assert_same(found, expected):
    assert type(found) is type(expected)
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for key in expected:
            assert_same(found[key], expected[key])
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert_same(a, b)
    elif isinstance(expected, np.ndarray | torch.Tensor):
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        assert found.tolist() == expected.tolist()
    else:
        assert found == expected


def a_trained_network():
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.1)
    network(torch.arange(6.0).reshape(2, 3)).sum().backward()
    optimizer.step()
    return network, optimizer


def test_states_of_network_optimizer_and_generators_come_back_exactly(tmp_path):
    network, optimizer = a_trained_network()
    generators = [np.random.default_rng(1), np.random.Generator(np.random.MT19937(1))]
    state = {
        "network": dict(network.state_dict()),
        "optimizer": optimizer.state_dict(),
        "torch": torch.Generator().manual_seed(3).get_state(),
        "numpy": [g.bit_generator.state for g in generators],
    }
    save_checkpoint(tmp_path / "a.checkpoint", state)
    found = load_checkpoint(tmp_path / "a.checkpoint")
    assert_same(found, state)
    network.load_state_dict(found["network"])
    optimizer.load_state_dict(found["optimizer"])
    again = torch.Generator()
    again.set_state(found["torch"])
    expected = torch.rand(3, generator=torch.Generator().manual_seed(3))
    assert torch.equal(torch.rand(3, generator=again), expected)
    restored = np.random.default_rng()
    restored.bit_generator.state = found["numpy"][0]
    assert restored.random() == np.random.default_rng(1).random()


def test_plain_values_nested_at_will_come_back(tmp_path):
    state = {
        "a": [1, 2.5, (True, None), "text", ["array", "0"]],
        3: {"empty": {}, "big": 2**127, "tiny": 5e-324, "third": 1 / 3, "inf": float("inf")},
        "scalar": torch.tensor(2.0),
        "none": np.zeros((0, 3), np.float16),
        "strided": torch.arange(12).reshape(3, 4).T,
    }
    save_checkpoint(tmp_path / "a.checkpoint", state)
    assert_same(load_checkpoint(tmp_path / "a.checkpoint"), state)


@pytest.mark.parametrize(
    "odd", [object(), {2.5: 1}, np.float32(1), torch.zeros(1, dtype=torch.bfloat16), b"bytes"]
)
def test_what_cannot_be_held_is_refused_and_nothing_written(tmp_path, odd):
    with pytest.raises(ParameterError, match=r"cannot hold|keys are"):
        save_checkpoint(tmp_path / "a.checkpoint", {"odd": odd})
    assert list(tmp_path.iterdir()) == []


def test_damage_anywhere_is_found(tmp_path):
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, {"weights": torch.arange(8.0), "step": 7})
    whole = path.read_bytes()
    for at in (0, 9, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        with pytest.raises(CheckpointError, match="remove it"):
            load_checkpoint(path)
    for content in (b"", whole[:-5], b"{}"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"a\.checkpoint"):
            load_checkpoint(path)


def test_a_missing_file_and_a_foreign_one_are_clear_errors(tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "none")
    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "foreign")
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_checkpoint(tmp_path / "foreign")


def test_a_place_that_takes_no_file_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write the checkpoint"):
        save_checkpoint(tmp_path / "file" / "a.checkpoint", {"step": 1})
