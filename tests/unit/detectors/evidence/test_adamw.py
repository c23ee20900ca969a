import numpy as np
import pytest

from defectory.detectors.evidence.adamw import AdamW

RATE, DECAY = 0.02, 0.3


def _arrays(seed):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in [(5, 3), (3,), (1,)]]


def test_it_moves_as_that_of_torch():
    torch = pytest.importorskip("torch")
    weights = _arrays(0)
    twins = [torch.nn.Parameter(torch.from_numpy(weight.copy())) for weight in weights]
    twin = torch.optim.AdamW(twins, lr=RATE, weight_decay=DECAY, eps=1e-8)
    optimizer = AdamW(RATE, DECAY)
    for step in range(30):
        gradients = [(0.1 + step % 3) * gradient for gradient in _arrays(step)]
        for parameter, gradient in zip(twins, gradients, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        twin.step()
        weights = optimizer.step(weights, gradients)
        for weight, parameter in zip(weights, twins, strict=True):
            assert weight.dtype == np.float32
            np.testing.assert_allclose(weight, parameter.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_the_first_step_is_the_rate_whatever_the_size_of_the_gradient():
    (weights,) = AdamW(RATE, 0).step([np.zeros(3, np.float32)], [np.array([1e-3, -50, 4e3])])
    np.testing.assert_allclose(weights, [-RATE, RATE, -RATE], rtol=1e-4)


def test_decay_takes_its_share_where_nothing_pulls():
    (weights,) = AdamW(RATE, DECAY).step([np.full(2, 8, np.float32)], [np.zeros(2, np.float32)])
    np.testing.assert_allclose(weights, 8 * (1 - RATE * DECAY), rtol=1e-6)


def test_inputs_stay_as_they_are():
    weights, gradients = _arrays(0), _arrays(1)
    optimizer = AdamW(RATE, DECAY)
    for _ in range(2):
        optimizer.step(weights, gradients)
    for given, fresh in zip(weights + gradients, _arrays(0) + _arrays(1), strict=True):
        np.testing.assert_array_equal(given, fresh)


def test_other_arrays_than_before_are_refused():
    optimizer = AdamW(RATE, DECAY)
    optimizer.step(_arrays(0), _arrays(1))
    with pytest.raises(ValueError, match="zip"):
        optimizer.step(_arrays(0)[:2], _arrays(1)[:2])
