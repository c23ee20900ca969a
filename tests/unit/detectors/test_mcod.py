"""MCOD as a whole: it does not collapse, resumes exactly, ships without torch, and finds what is odd."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from defectory.artifacts import load_bundle, save_bundle
from defectory.backbones.onnxruntime_sessions import OnnxRuntimeSession
from defectory.detectors.contrast.setups import VectorViews
from defectory.detectors.contrast.twins import Objective, Twins, describe
from defectory.detectors.mcod import Mcod
from defectory.domain import ArrayImages, DataError, ParameterError, TrainingResources
from defectory.metrics import auroc
from defectory.networks.heads import ProjectionEncoder
from defectory.networks.initialization import build_seeded
from defectory.training.loop import train
from tests.bundles import bundle_of
from tests.pictures import disc

ONE = TrainingResources(n_threads=1, device="cpu")
N_KINDS = 4


@pytest.fixture(scope="module")
def kinds():
    """(n, 2, d) vectors of four kinds with another view each."""
    rng = np.random.default_rng(0)
    center = 3 * rng.normal(size=(N_KINDS, 16))[rng.integers(0, N_KINDS, 600)]
    plain = center + rng.normal(size=(600, 16))
    views = np.stack([plain, plain + 0.2 * rng.normal(size=plain.shape)], axis=1)
    return (views / views.std()).astype(np.float32)


def twins(kinds, **settings):
    objective = Objective(**{"n_slots": 8, "n_batch": 64, "n_queue": 1024, **settings})
    network = build_seeded(lambda: ProjectionEncoder(16, objective.n_slots), 0)
    return Twins(network, VectorViews(kinds), objective, ONE, 0)


@pytest.fixture(scope="module")
def healthy(kinds):
    trained = twins(kinds)
    return trained, train(trained, 250, ONE, fingerprint="")


def test_it_does_not_collapse(healthy):
    """The contrast ends below half of its chance value, and at least half of the slots are in use."""
    trained, run = healthy
    last = run.history[-1]
    assert last["of chance"] < 0.5
    assert last["slots used"] >= trained.objective.n_slots / 2
    features, shares = describe(trained.query, VectorViews(trained._views.vectors.numpy()))
    assert features.std(axis=0).min() > 0.1
    assert np.bincount(shares.argmax(axis=1), minlength=8).max() < 0.6 * len(shares)


def test_the_released_settings_do_collapse(kinds):
    released = twins(kinds, temperature=10.0, sum_read_loss=True, trim_ratio=0.0)
    run = train(released, 250, ONE, fingerprint="")
    assert run.history[-1]["of chance"] > 0.9


def test_the_read_loss_falls_once_it_is_switched_on(healthy):
    reading = [entry["read"] for entry in healthy[1].history if "read" in entry]
    assert 80 < len(reading) < 95  # of 125 windows of two steps; from three tenths of the run on
    assert reading[-1] < 0.5 * reading[1]


def test_killed_and_resumed_is_bit_for_bit_the_same(kinds, tmp_path, healthy):
    path = tmp_path / "a.checkpoint"
    asked = iter([False] * 140 + [True])
    resources = TrainingResources(path, n_threads=1, device="cpu")
    train(twins(kinds), 250, resources, fingerprint="", stop=lambda: next(asked))
    resumed = twins(kinds)
    assert train(resumed, 250, resources, fingerprint="").n_resumed == 140
    for name, expected in healthy[0].query.state_dict().items():
        assert torch.equal(resumed.query.state_dict()[name], expected), name
    assert torch.equal(resumed.memory, healthy[0].memory)


def squares(n, rng):
    """Another product: dark with a bright square."""
    out = []
    for _ in range(n):
        image = rng.integers(20, 40, (48, 48, 3), dtype=np.uint8)
        image[14:34, 12:36] = rng.integers(180, 220)
        out.append(image)
    return out


@pytest.fixture(scope="module")
def contaminated():
    rng = np.random.default_rng(0)
    return ArrayImages([disc(rng, 48) for _ in range(54)] + squares(6, rng)), [0] * 54 + [1] * 6


def test_what_does_not_belong_ranks_first(contaminated):
    images, truth = contaminated
    detector = Mcod(size_px=64, n_folds=0).fit(images)
    assert auroc(detector.fitted_scores_, truth) == 1.0
    again = detector.score(images).image_scores
    np.testing.assert_allclose(again, detector.fitted_scores_, rtol=0.02)
    assert detector.augmentation_ == "photo"
    np.testing.assert_array_equal(detector.held_out_.scores, detector.fitted_scores_)


@pytest.fixture(scope="module")
def from_scratch(contaminated):
    return Mcod(encoder="scratch-small", n_epochs=2, n_folds=0).fit(contaminated[0])


def test_a_network_from_scratch_is_shipped_and_scores_the_same(
    from_scratch, contaminated, tmp_path
):
    save_bundle(bundle_of(from_scratch), tmp_path / "a")
    loaded = load_bundle(tmp_path / "a").detector
    expected = from_scratch.score(contaminated[0]).image_scores
    np.testing.assert_array_equal(loaded.score(contaminated[0]).image_scores, expected)
    np.testing.assert_allclose(expected, from_scratch.fitted_scores_, rtol=1e-2)
    assert "trained by mcod on the user's images" in loaded.backbone_.card.source
    assert expected.std() > 0


PROGRAM = """
import sys
sys.modules["torch"] = None
from pathlib import Path
import numpy as np
from defectory.artifacts import load_bundle
from defectory.domain import ArrayImages
gray = np.full((20, 20, 3), 128, np.uint8)
print(float(load_bundle(Path(sys.argv[1])).detector.score(ArrayImages([gray])).image_scores[0]))
"""


def test_the_graph_of_a_network_from_scratch_scores_the_same(from_scratch, contaminated):
    session = OnnxRuntimeSession(from_scratch.to_onnx(), "cpu", None)
    images = contaminated[0].read(range(10))
    found = [session.run({"image": image})[0] for image in images]
    wanted = from_scratch.score(contaminated[0]).image_scores[:10]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_scoring_needs_no_torch(from_scratch, tmp_path):
    save_bundle(bundle_of(from_scratch), tmp_path / "a")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "a")],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    gray = ArrayImages([np.full((20, 20, 3), 128, np.uint8)])
    assert float(done.stdout) == float(from_scratch.score(gray).image_scores[0])


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("encoder", "resnet"), ("n_dims", 0), ("n_views", 0), ("n_epochs", 0), ("n_slots", 1),
        ("temperature", 0.0), ("cluster_temperature", -1.0), ("read_weight", -0.1),
        ("trim_ratio", 0.6), ("trim_ratio", -0.1), ("noise_ratio", -1.0), ("n_folds", 1),
        ("n_folds", -1), ("seed", -1), ("temperature", float("nan")), ("augmentation", "strong"),
        ("size_px", 100),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused_by_fit(setting, value):
    images = ArrayImages(np.zeros((3, 8, 8, 3), np.uint8))
    with pytest.raises(ParameterError):
        Mcod(**{setting: value}).fit(images)


def test_fewer_than_two_images_are_an_error():
    images = ArrayImages(np.zeros((2, 8, 8, 3), np.uint8))
    with pytest.raises(DataError, match=r"1 of 2 images.*at least 2"):
        Mcod().fit(images, [0, 1])


def test_restore_refuses_arrays_that_do_not_fit(contaminated):
    fitted = Mcod(size_px=64, n_folds=0, n_epochs=1).fit(contaminated[0])
    arrays = fitted.arrays()
    for name, array in arrays.items():
        rest = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(ParameterError, match=f"{name!r} is missing"):
            Mcod(size_px=64).restore(rest, fitted.backbone_)
        with pytest.raises(ParameterError, match="expected"):
            Mcod(size_px=64).restore({**rest, name: array[None]}, fitted.backbone_)
