"""The page shows what shards take once it is measured."""

from benchmarks.provenance import provenance
from benchmarks.result_files import checked
from benchmarks.shards_tables import shards as render
from benchmarks.tables import render as render_page

MEASURED = {
    "n_rows": [10_000, 1_000_000], "score_mb": [200.0, 210.0], "merge_mb": [100.0, 120.0],
    "listing_s": [2.0, 100.4], "n_scored": 2000, "alone_per_s": 40.0, "in_turn_per_s": 38.0,
    "at_once_per_s": 74.0, "efficiency": 0.974, "n_kills": 20, "n_killed_at_work": 19,
    "n_missing": 0, "n_twice": 0, "is_identical": True,
}  # fmt: skip


def test_the_page_shows_it_once_it_is_measured():
    facts = provenance(data="d" * 64, weights="w", command="python -m benchmarks shards")
    run = {"protocol": "shards", "seed": 0, **MEASURED, **facts}
    checked(run)
    page = render([run])
    for row in (
        "| 1,000,000 | 210 | 120 | 100 |",
        "| ratio | 1.05 | 1.20 |  |",
        "| 2,000 | 40.0 | 38.0 | 74.0 | 0.97 |",
        "| 20 | 19 | 0 | 0 | to the byte |",
    ):
        assert row in page
    assert page in render_page([run])
    assert "## Shards" not in render_page([])
