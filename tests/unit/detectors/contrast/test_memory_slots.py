"""The queue forgets the oldest; memory holds what its slots address."""

import pytest
import torch

from defectory.detectors.contrast.memory_slots import Queue, write_memory

CPU = torch.device("cpu")


def write(features, slots, **settings):
    told = {"noise_ratio": 0.0, "is_unit": False, "generator": torch.Generator().manual_seed(0)}
    return write_memory(features, slots, **{**told, **settings})


def test_the_queue_holds_the_last_rows_of_all_tensors_together():
    queue = Queue(5, (1, 2), CPU)
    assert [len(rows) for rows in queue.held()] == [0, 0]
    for start in (0, 3, 6):
        values = torch.arange(start, start + 3.0)[:, None]
        queue.push(values, values.repeat(1, 2))
    first, second = queue.held()
    assert sorted(first[:, 0].tolist()) == [4, 5, 6, 7, 8]
    assert torch.equal(first.repeat(1, 2), second)
    again = Queue(5, (1, 2), CPU)
    again.restore(queue.state())
    again.push(torch.tensor([[9.0]]), torch.tensor([[9.0, 9.0]]))
    assert sorted(again.held()[0][:, 0].tolist()) == [5, 6, 7, 8, 9]


def test_a_slot_holds_the_mean_of_what_addresses_it():
    features = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 5.0]])
    slots = torch.tensor([[50.0, 0.0], [50.0, 0.0], [0.0, 50.0]])
    assert torch.allclose(write(features, slots), torch.tensor([[2.0, 0.0], [0.0, 5.0]]))
    rows = write(features, slots, is_unit=True)
    assert torch.allclose(rows, torch.eye(2))


def test_noise_moves_unused_slots_most():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(200, 64, generator=generator)
    slots = torch.zeros(200, 2)
    slots[:, 0] = 4.0  # nearly all is read from slot 0
    quiet = write(features, slots)
    noisy = write(features, slots, noise_ratio=0.5, generator=generator)
    moved = (noisy - quiet).norm(dim=1)
    assert moved[1] > 20 * moved[0] > 0
    assert write(features, slots, noise_ratio=0.5, is_unit=True).norm(dim=1).tolist() == (
        pytest.approx([1.0, 1.0])
    )
