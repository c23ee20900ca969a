"""The benchmark of runtimes: what it compares, that it adds up, and what its tables show."""

import numpy as np
import pytest

from benchmarks import added_runs, providers
from benchmarks.provider_tables import providers as tables
from benchmarks.suite_cases import SETS
from benchmarks.tables import render
from defectory.artifacts import save_bundle
from defectory.detectors.gaussian import Gaussian
from defectory.domain import ArrayImages, Scores
from tests.bundles import bundle_of
from tests.pictures import disc, save

COST = {
    "fit_s": 12.3, "fit_peak_mb": 500.2, "images_a_second": 61.2, "peak_mb": 402.4, "score_one_s": 1.5
}  # fmt: skip
SAME = {"score": 4.1e-07, "map": 2.6e-06, "flips": 0}
RUN = {
    "row": "auto", "data_set": "tiles", "n_test": 583, "costs": {"cpu": COST, "openvino": COST},
    "scored_with_openvino": SAME, "fitted_with_openvino": {"score": 0.0013, "map": 0.002, "flips": 3},
}  # fmt: skip


def scores_of(values, peak):
    return Scores(np.array(values, np.float32), [np.full((2, 2), peak, np.float32)] * len(values))


def test_a_flip_is_a_decision_at_its_own_threshold():
    one, other = scores_of([1.0, 2.0, 4.0], 8.0), scores_of([1.5, 2.0, 4.0], 6.0)
    found = providers.differences(one, other, 1.2, 1.2)
    assert found == {"score": 0.125, "map": 0.25, "flips": 1}
    assert providers.differences(one, other, 1.2, 1.7)["flips"] == 0


def test_the_bundle_is_compared_with_itself_and_with_a_fit_elsewhere(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [disc(rng, 64) for _ in range(8)]
    for provider in providers.PROVIDERS:
        detector = Gaussian(size_px=64).fit(ArrayImages(pictures))
        save_bundle(bundle_of(detector), tmp_path / f"{provider}.defectory")
    paths = [save(tmp_path / f"{i}.png", picture) for i, picture in enumerate(pictures[:3])]
    found = providers.compare(tmp_path, paths)
    assert found["scored_with_openvino"]["score"] < 1e-4
    assert 0 < found["scored_with_openvino"]["map"] < 1e-4
    assert found["scored_with_openvino"]["flips"] == 0
    assert found["fitted_with_openvino"] == {"score": 0, "map": 0, "flips": 0}
    assert found["weights"].startswith("efficientnet-lite0@")


def test_a_peak_that_our_own_memory_would_hide_is_refused(monkeypatch):
    monkeypatch.setattr(providers, "resident_bytes", lambda: 500e6)
    with pytest.raises(RuntimeError, match="below our own of 500 MB"):
        providers._seen(providers.Cost(1.0, 400.0))


def test_runs_that_are_there_are_left_out(monkeypatch, tmp_path):
    monkeypatch.setattr(added_runs, "read_sized", lambda *_: [RUN])
    told = providers.Told(
        rows=("auto",),
        sets=("tiles", "lens"),
        cache=tmp_path,
        n_images=None,
        command="",
        out=tmp_path / "a",
    )
    assert added_runs.by_row_and_set(told, told.rows, told.sets) == [("auto", "lens")]
    assert set(told.sets) <= set(SETS)


def test_the_tables_show_costs_and_differences():
    text = tables([RUN])
    assert "| auto, tiles | OpenVINO | 61.2 | 402 MB | 1.50 s | 12.3 s | 500 MB |" in text
    assert "| auto, tiles | 583 | 4.1e-07 | 2.6e-06 | 0 | 1.3e-03 | 2.0e-03 | 3 |" in text
    assert "What runs the backbone" not in render([])
