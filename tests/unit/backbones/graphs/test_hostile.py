"""Networks that would hang, take memory or reach elsewhere are refused before any runtime sees them."""

import time

import numpy as np
import onnx
import pytest

from defectory.backbones import sessions
from defectory.backbones.graphs.wire import Budget
from defectory.backbones.providers import running_on
from defectory.backbones.sessions import Network, time_limit
from defectory.domain import BundleError
from tests.fuzz.hostile import HOSTILE, OUTPUTS, ends, model_of, node, numbers, pixels


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_refused_at_once_and_unseen(name, monkeypatch):
    monkeypatch.setattr(sessions, "_open_session", lambda *_: pytest.fail("a runtime saw it"))
    make, words = HOSTILE[name]
    model = make()
    started = time.process_time()
    with pytest.raises(BundleError, match=words) as caught:
        Network(model, list(OUTPUTS), what="the backbone")
    assert time.process_time() - started < 3
    assert str(caught.value).startswith("the ONNX model of the backbone ")
    assert "\n" not in str(caught.value)


def test_a_harmless_one_is_not():
    Network(model_of([*pixels(), *ends("pixels")]), list(OUTPUTS), what="the backbone")


@pytest.mark.parametrize(
    "junk", [b"", b"\0", b"text", b"\xff" * 100, b"\x0a" + b"\x80" * 9 + b"\x01"]
)
def test_what_is_no_model_is_refused(junk):
    with pytest.raises(BundleError, match="is none that a bundle may hold"):
        Network(junk, list(OUTPUTS), what="the backbone")


def test_every_cut_is_refused():
    model = model_of(
        [*pixels(), node("Add", ["pixels", "w"], "sum"), *ends("sum")], [numbers("w", 1)]
    )
    for end in range(len(model)):
        with pytest.raises(BundleError):
            Network(model[:end], list(OUTPUTS), what="the backbone")


def test_more_fields_than_any_model_has_are_refused(monkeypatch):
    monkeypatch.setattr("defectory.backbones.graphs.model.Budget", lambda: Budget(10))
    with pytest.raises(BundleError, match="more than 1000000 fields"):
        Network(model_of([*pixels(), *ends("pixels")]), list(OUTPUTS), what="the backbone")


def test_a_setting_that_is_not_listed_is_refused():
    odd = onnx.helper.make_node("Relu", ["pixels"], ["x"], consumed_inputs=[1])
    with pytest.raises(BundleError, match="gives Relu the setting 'consumed_inputs'"):
        Network(model_of([*pixels(), odd, *ends("x")]), list(OUTPUTS), what="the backbone")


@pytest.mark.parametrize("opset", [1, 16, 19])
def test_other_opsets_are_refused(opset):
    model = model_of([*pixels(), *ends("pixels")], opset=opset)
    with pytest.raises(BundleError, match=f"is of opset {opset}"):
        Network(model, list(OUTPUTS), what="the backbone")


def _slow():
    """Twenty large convolutions: more than a second."""
    rng = np.random.default_rng(0)
    first, wide = (
        onnx.numpy_helper.from_array(rng.normal(size=size).astype(np.float32) / 40, name)
        for name, size in (("first", (64, 3, 1, 1)), ("wide", (64, 64, 5, 5)))
    )
    steps = [node("Conv", ["pixels", "first"], "x0")]
    steps += [node("Conv", [f"x{i}", "wide"], f"x{i + 1}", pads=[2, 2, 2, 2]) for i in range(20)]
    return model_of([*pixels(), *steps, *ends("x20")], [first, wide])


def _run_on(network, feed):
    for _ in range(20):
        network.run(feed)


@pytest.mark.parametrize("provider", ["cpu", "openvino"])
def test_a_network_is_stopped_at_its_next_operator_when_its_time_is_over(provider):
    feed = {"image": np.zeros((1, 128, 128, 3), np.uint8)}
    model = _slow()
    with running_on(provider), time_limit(0.6) as is_over:
        network = Network(model, list(OUTPUTS), what="the backbone")
        started = time.process_time()
        with pytest.raises(BundleError, match="fails"):
            _run_on(network, feed)
        assert time.process_time() - started < 3
    assert is_over.is_set()


@pytest.mark.parametrize("provider", ["cpu", "openvino"])
def test_a_network_that_begins_when_its_time_is_over_is_stopped(provider):
    feed = {"image": np.zeros((1, 64, 64, 3), np.uint8)}
    with running_on(provider), time_limit(0.05) as is_over:
        network = Network(
            model_of([*pixels(), *ends("pixels")]), list(OUTPUTS), what="the backbone"
        )
        assert is_over.wait(5)
        with pytest.raises(BundleError, match="fails"):
            network.run(feed)


def test_a_network_that_openvino_would_compile_for_minutes_is_refused():
    chain = [node("Tanh", [f"x{i}"], f"x{i + 1}") for i in range(3000)]
    model = model_of([*pixels(), node("Tanh", ["pixels"], "x0"), *chain, *ends("x3000")])
    feed = {"image": np.zeros((1, 64, 64, 3), np.uint8)}
    started = time.process_time()
    with running_on("openvino"):
        network = Network(model, list(OUTPUTS), what="the backbone")
    with pytest.raises(BundleError, match="take another provider"):
        network.run(feed)
    assert time.process_time() - started < 3
    Network(model, list(OUTPUTS), what="the backbone").run(feed)


def test_a_network_runs_on_where_it_was_in_time():
    with time_limit(60):
        network = Network(
            model_of([*pixels(), *ends("pixels")]), list(OUTPUTS), what="the backbone"
        )
    assert len(network.run({"image": np.zeros((1, 64, 64, 3), np.uint8)})) == 2


def test_each_new_size_is_bounded_before_it_runs(monkeypatch):
    network = Network(model_of([*pixels(), *ends("pixels")]), list(OUTPUTS), what="the backbone")
    network.run({"image": np.zeros((1, 64, 64, 3), np.uint8)})
    monkeypatch.setattr("defectory.backbones.graphs.sizes.MAX_LIVE", 20_000)
    network.run({"image": np.zeros((1, 64, 64, 3), np.uint8)})  # known by now
    with pytest.raises(BundleError, match="numbers at once"):
        network.run({"image": np.zeros((1, 96, 96, 3), np.uint8)})
