import shlex
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import __main__ as command_line
from benchmarks import datasets, promise, tables
from benchmarks.evaluation import subset
from benchmarks.provenance import provenance
from benchmarks.speed_tables import speed


def _cells(n=640):
    probabilities = np.resize([0.0, 1.0, 1 / 3, 0.0], n)
    return datasets.SolarCells(tuple(Path(f"{i}.png") for i in range(n)), probabilities)


def test_blocks_are_of_64_consecutive_cells():
    block = datasets.blocks(2624)

    assert block[-1] == 40
    assert (np.bincount(block) == 64).all()


def test_no_block_lies_on_both_sides_of_a_block_split():
    pytest.importorskip("sklearn", reason="scikit-learn splits the cells")
    cells = _cells()
    split = datasets.block_split(cells, seed=0)

    assert not set(split.train // 64) & set(split.test // 64)
    assert (cells.probabilities[split.train] == 0).all()
    assert (cells.probabilities[split.test] == split.labels).all()
    assert not np.array_equal(split.test, datasets.block_split(cells, seed=1).test)


def test_the_random_split_tests_every_anomaly():
    pytest.importorskip("sklearn", reason="scikit-learn splits the cells")
    split = datasets.random_split(_cells())

    assert (len(split.train), (split.labels == 0).sum(), split.labels.sum()) == (240, 80, 160)
    assert not set(split.train) & set(split.test)


def test_the_solar_cells_are_those_of_the_protocol():
    pytest.importorskip("elpv_dataset", reason="the ELPV images are not installed")
    cells = datasets.solar_cells()
    split = datasets.random_split(cells)

    assert (len(cells.paths), len(split.train), (split.labels == 0).sum()) == (2624, 1131, 377)


def test_thinning_keeps_both_ends():
    np.testing.assert_array_equal(datasets.thinned(np.arange(10), 4), [0, 3, 6, 9])
    assert len(datasets.thinned(np.arange(10), None)) == 10


def test_a_subset_is_90_percent_and_follows_the_seed():
    assert len(subset(761, 0)) == 685
    assert np.array_equal(subset(761, 3), subset(761, 3))
    assert not np.array_equal(subset(761, 3), subset(761, 4))


def test_the_binomial_tail_is_exact():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is the reference")
    for at_least in (0, 1, 4, 9):
        expected = stats.binom.sf(at_least - 1, 377, 0.01)
        assert promise.binomial_tail(377, 0.01, at_least) == pytest.approx(expected, abs=1e-12)


def _runs(**changes):
    figures = {"image_auroc": 0.9, "observed_false_reject_rate": 0.004, "auroc_crack": 0.8}
    run = {
        "protocol": "p1-clean", "detector": "gaussian", "is_deterministic": True, "seed": 0,
        **provenance(data="d" * 64, weights="w", command="python -m benchmarks"), **changes,
    }  # fmt: skip
    return [
        run | {"part": "full", "figures": figures},
        run | {"part": "subset", "figures": figures},
        run | {"part": "subset", "seed": 1, "figures": figures | {"image_auroc": 0.92}},
    ]


def test_a_table_shows_the_full_fit_and_the_spread():
    page = tables.render(_runs())

    assert "| **gaussian** (deterministic) | 0.900 (0.910 ± 0.014) |" in page
    assert "seeds 0-1, data `dddddddddddddddd`" in page
    assert page == tables.render(_runs())


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    lines = tables.render(_runs()).split("\n")
    for above, line in pairwise(lines):
        if above.startswith("|") and line.startswith("|"):
            assert above.count("|") == line.count("|"), line


def test_a_smoke_run_is_no_result():
    assert "0.900" not in tables.render(_runs(n_images=5))


def test_a_missing_figure_is_an_empty_cell():
    assert tables.spread([None, 0.5]) == ""
    assert tables.spread([0.5]) == "0.500"


@pytest.mark.parametrize(
    ("detector", "goals"),
    [
        ("auto", ("fit <= 30 s", "of images seen before and new | 1.50 s | 300 MB | <= 5 s |")),
        ("gaussian", ("fit <= 30 s", ">= 45")),
        ("mapl", ("<= 10 min", ">= 15")),
    ],
)
def test_speed_shows_each_command_beside_the_goal_of_the_detector(detector, goals):
    cost = {"wall_s": 1.5, "peak_mb": 300.0}
    keys = ["fit", "fit_again", "score", "score_heatmaps", "score_one", "help"]
    keys += ["update"] if detector == "auto" else []
    rate_keys = ("score", "score_heatmaps")
    rates = {k + end: 40.0 for k in rate_keys for end in ("", "_without_start_up")}
    text = speed([{
        "detector": detector, "n_fit": 761, "n_score": 583, "load_before": 0.1,
        "costs": dict.fromkeys(keys, cost), "images_per_s": rates, "bundle_mb": 20.0,
        "growth": [{"n": 10_000, **cost}], "base_install": None,
        "bound_to_cores": 2,
    }])  # fmt: skip

    assert "| fit 10,000 images | 1.5 s | 300 MB |" in text
    assert all(goal in text for goal in goals)
    assert ("take two labels" in text) == (detector == "auto")


@pytest.mark.parametrize("told", [[], ["--growth", ""], ["--growth", "100,1000", "--base-install"]])
def test_the_recorded_command_of_p4_measures_what_was_asked_for(told):
    options = command_line.parser().parse_args(["p4", "--detector", "auto", *told])
    recorded = shlex.split(command_line._command(options, "auto"))

    again = command_line.parser().parse_args(recorded[3:])
    assert recorded[:3] == ["python", "-m", "benchmarks"]
    assert vars(again) == vars(options)
