"""Thirty minutes of an inspector, in a few seconds: the driver labels, teaches, checks; the table says it."""

import shutil

import pytest

from benchmarks import browser, inspector, inspector_tables
from tests.unit.test_suite import material  # noqa: F401  a fixture

pytest.importorskip("playwright.sync_api", reason="needs playwright")
pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("google-chrome")), reason="needs chromium"
    ),
]


def test_an_inspector_labels_learns_and_checks(material, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setattr(inspector, "SET", "ball-screw")
    monkeypatch.setattr(inspector, "LESSON", 10)
    monkeypatch.setattr(inspector, "LARGE_PX", (300, 400))
    monkeypatch.setattr(inspector, "N_STROKES", 2)
    for module in (inspector, browser):
        monkeypatch.setattr(module, "LONGEST_MS", 60_000)
    monkeypatch.setattr(browser, "_AGAIN_MS", 1000)
    (run,) = inspector.run(pace_s=0, minutes=1e9, n_images=12, cache=tmp_path, command="a command")
    told = run["session"]
    assert told["n_labels"] == 10 + told["n_checked"]
    assert 0 <= told["n_wrong"] <= told["n_checked"]
    assert told["next_photo_ms"]["n"] >= 10
    assert all(lesson["n_labels"] > 0 for lesson in told["lessons"])
    assert len(told["lessons"]) in (1, 2)
    assert run["large"]["next_photo_ms"]["n"] == 3
    page = inspector_tables.inspector([run])
    assert f"| images labeled | {told['n_labels']} | >= 500 in 30 min |" in page
