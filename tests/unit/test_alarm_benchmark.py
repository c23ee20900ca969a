import numpy as np
import pytest

from benchmarks import alarms, drift
from benchmarks.alarm_tables import alarms as render
from benchmarks.result_files import checked
from defectory.calibration.alarms import DriftAlarm
from defectory.domain import HeldOutScores
from tests.unit.test_suite import material  # noqa: F401  a fixture


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(alarms, "SIZES", (60,))
    monkeypatch.setattr(alarms, "_PATIENCE", 150)
    monkeypatch.setattr(alarms, "SHIFTS", (1.0, 4.0))


def test_streams_ring_as_the_alarm_does_that_is_shipped():
    rng = np.random.default_rng(0)
    streams = [alarms._Stream.drawn(alarms.DISTRIBUTIONS["gamma"], 60, rng) for _ in range(8)]
    scores = [np.concatenate([s.passing(100), s.risen(1.0)[:400]]) for s in streams]
    chosen = np.array([s.bins_of(x) for s, x in zip(streams, scores, strict=True)])
    bins = streams[0].bins
    rang = alarms._ring_times(alarms.Rule.fresh(bins, 8), bins, chosen, 0)
    for stream, seen, time in zip(streams, scores, rang, strict=True):
        shipped = DriftAlarm.fresh(HeldOutScores.of(stream.calibration), np.float32(stream.limit))
        assert shipped.after(seen.astype(np.float32)).rang_at == (time if time < np.inf else None)


@pytest.mark.thorough
def test_the_benchmark_measures_every_case_and_shows_it(small, material, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr(drift, "DETECTORS", ("gaussian",))
    monkeypatch.setattr(drift, "_N_FRESH", 2)
    runs = alarms.run(
        n_lifetimes=4, n_images=30, cache=tmp_path, command="python -m benchmarks alarms"
    )
    (seen,) = [run for run in runs if run["part"] == "drift"]
    assert (seen["rule"], seen["n_good"]) == ("gaussian", 6)
    assert 0 <= seen["rejected"] <= 1
    assert [run["part"] for run in runs].count("lifetimes") == len(alarms.RULES)
    assert [run["part"] for run in runs].count("delays") == 3 * (2 + 1)  # before 1,000 images
    for run in runs:
        checked(run)
    soon = [run for run in runs if run.get("rule") == "alarm" and run.get("shift") == 1]
    assert all(run["median"] < 60 for run in soon)
    page = render(runs)
    assert "rings for nothing, of 4 lifetimes of 30" in page
    assert "| alarm | 1 | 0 | normal |" in page
    assert page.count("| `gaussian` | 6 |") == 1
    assert render([]).count("Not measured yet.") == 3
