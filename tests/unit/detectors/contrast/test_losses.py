"""The losses against slow, obvious twins."""

import math

import numpy as np
import pytest
import torch

from defectory.detectors.contrast.losses import (
    balance,
    chance,
    column_contrast,
    instance_contrast,
    read_distances,
    read_loss,
)


def unit(n, d, seed):
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def test_instance_contrast_is_what_its_formula_says():
    queries, keys, negatives, t = unit(4, 6, 0), unit(4, 6, 1), unit(9, 6, 2), 0.3
    expected = 0.0
    for q, k in zip(queries.tolist(), keys.tolist(), strict=True):
        own = math.exp(np.dot(q, k) / t)
        others = sum(math.exp(np.dot(q, n) / t) for n in negatives.tolist())
        expected -= math.log(own / (own + others)) / 4
    assert instance_contrast(queries, keys, negatives, t).item() == pytest.approx(expected, 1e-5)


def test_a_hot_temperature_leaves_the_contrast_at_chance():
    """The fault of the released temperature of 10: even perfect embeddings hardly lower the loss."""
    rows = torch.eye(64)
    hot, cool = (instance_contrast(rows[:8], rows[:8], rows[8:], t).item() for t in (10.0, 0.1))
    assert hot > 0.95 * chance(56)
    assert cool < 0.01 * chance(56)


def test_column_contrast_is_what_its_formula_says():
    a, b, t = unit(7, 3, 0), unit(7, 3, 1), 0.5
    columns = [torch.nn.functional.normalize(c, dim=0).tolist() for c in (*a.T, *b.T)]
    expected = 0.0
    for i, column in enumerate(columns):
        alike = {j: math.exp(np.dot(column, c) / t) for j, c in enumerate(columns) if j != i}
        expected -= math.log(alike[(i + 3) % 6] / sum(alike.values())) / 6
    assert column_contrast(a, b, t).item() == pytest.approx(expected, 1e-5)
    assert column_contrast(a, a, 0.1) < column_contrast(a, b, 0.1)


def test_balance_is_least_where_no_slot_is_favored():
    even = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    assert balance(even).item() == 0
    assert balance(even + 2.0).item() == pytest.approx(8.0)


def test_reading_mixes_the_slots_by_softmax():
    memory = torch.tensor([[0.0, 0.0], [4.0, 0.0]])
    features, slots = torch.tensor([[2.0, 1.0]]), torch.zeros(1, 2)
    assert read_distances(features, slots, memory).item() == pytest.approx(1.0)
    assert read_distances(features, torch.tensor([[0.0, 90.0]]), memory).item() == pytest.approx(
        5.0
    )


def test_the_farthest_share_is_left_out_of_the_read_loss():
    distances = torch.arange(10.0)
    assert read_loss(distances, trim_ratio=0.0, is_summed=False).item() == 4.5
    assert read_loss(distances, trim_ratio=0.2, is_summed=False).item() == 3.5
    assert read_loss(distances, trim_ratio=0.2, is_summed=True).item() == 28.0
    assert read_loss(distances[:1], trim_ratio=0.9, is_summed=False).item() == 0.0
