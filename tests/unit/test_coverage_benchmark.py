import numpy as np
import pytest

from benchmarks import coverage
from benchmarks.coverage import Case
from benchmarks.coverage_tables import coverage as render
from benchmarks.result_files import checked
from benchmarks.tables import render as render_page
from defectory.metrics import auroc, bootstrap_interval


@pytest.mark.parametrize("kind", coverage.KINDS)
def test_intervals_are_those_that_are_shipped(kind):
    pictures = Case(kind, 0.5, 3, 20, 0.9).draw(np.random.default_rng(0))

    found = pictures.intervals(np.random.default_rng(7))["groups"]

    shipped = bootstrap_interval(
        auroc, pictures.scores, pictures.defective, groups=pictures.parts,
        n_resamples=coverage._N_RESAMPLES, seed=7,
    )  # fmt: skip
    assert found == pytest.approx((shipped.low, shipped.high), abs=1e-9)


@pytest.mark.parametrize("kind", coverage.KINDS)
def test_the_true_auroc_is_that_of_many_pictures(kind):
    pictures = Case(kind, 0.5, 2, 20_000, 0.9).draw(np.random.default_rng(1))

    assert auroc(pictures.scores, pictures.defective) == pytest.approx(0.9, abs=0.005)
    means = [pictures.scores[i::2] - 1.8124 * pictures.defective[i::2] for i in (0, 1)]
    assert np.corrcoef(*means)[0, 1] == pytest.approx(0.5, abs=0.02)  # pictures of one part
    mixed = pictures.defective[::2] != pictures.defective[1::2]
    assert mixed.mean() == pytest.approx(0.5 if kind == "mixed" else 0, abs=0.02)


@pytest.mark.thorough
def test_delong_covers_single_pictures_and_not_pictures_of_parts():
    single, parts = (
        coverage._measured(Case("pure", 0.5, n_pictures, 100, 0.8), 200) for n_pictures in (1, 20)
    )

    assert single["n_covered"]["pictures"] > 0.9 * 200
    assert parts["n_covered"]["pictures"] < 0.6 * 200
    assert parts["n_covered"]["groups"] > 0.9 * 200
    assert parts["widths"]["groups"] > 2 * parts["widths"]["pictures"]


def test_the_benchmark_measures_every_case_and_shows_it(monkeypatch):
    monkeypatch.setattr(coverage, "PARTS", (30,))
    monkeypatch.setattr(coverage, "PICTURES", (1, 2))

    runs = coverage.run(n_data_sets=50, n_images=4, command="python -m benchmarks coverage")

    assert len(runs) == 4 * (1 + 4)
    for run in runs:
        checked(run)
        assert run["n_data_sets"] == 4
    page = render(runs)
    assert "| 1 | pure |  | 30 | **" in page
    assert "| 2 | mixed | 50% | 30 | **" in page
    assert "| all |  |  |  | **" in page
    assert "Each row is of 4 data sets" in page
    assert "Not measured yet." in render([])
    assert "Intervals where pictures belong together" not in render_page([])
    assert render(runs) in render_page(runs)
