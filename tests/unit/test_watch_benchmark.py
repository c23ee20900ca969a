"""The benchmark of `watch` counts what is missing and what is there twice; kills are its own business."""

import json

from benchmarks.provenance import provenance
from benchmarks.result_files import checked
from benchmarks.tables import render as render_page
from benchmarks.watch import tally
from benchmarks.watch_tables import watch as render


def write(output, named, journaled):
    (output / "results").mkdir(exist_ok=True)
    rows = [{"id": i, "image": name} for i, name in enumerate(named, 1)]
    (output / "results/2026-01-01.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    lines = [json.dumps({"name": name}) + "\n" for name in journaled]
    (output / "journal.jsonl").write_text("".join(lines))
    return rows


def test_what_is_missing_and_what_is_there_twice_is_counted(tmp_path):
    put = ["0.png", "1.png", "2.png"]
    rows = write(tmp_path, put, put)
    found = tally(tmp_path, 3, [("a", rows[0]), ("b", rows[1]), ("b", rows[1]), ("c", rows[2])])
    assert (found.pop("n_judged"), found.pop("n_in_order"), found.pop("n_messages_again")) == (
        3, 3, 1,
    )  # fmt: skip
    assert set(found.values()) == {0}
    rows = write(tmp_path, ["0.png", "0.png", "2.png"], put[:2])
    found = tally(tmp_path, 3, [("a", rows[0]), ("a", {"id": 9})])
    assert found == {
        "n_judged": 3, "n_missing": 1, "n_twice": 1, "n_missing_in_journal": 1,
        "n_twice_in_journal": 0, "n_messages_missing": 2, "n_messages_again": 1,
        "n_messages_other": 1, "n_in_order": 3,
    }  # fmt: skip


def test_the_page_shows_it_once_it_is_measured(tmp_path):
    put = ["0.png"]
    rows = write(tmp_path, put, put)
    facts = provenance(data="d" * 64, weights="w", command="python -m benchmarks watch")
    run = {"protocol": "watch", "seed": 0, "n_kills": 200, "n_killed_at_work": 150, "n_put": 1}
    run |= {"n_seen_by_alarm": 1, **tally(tmp_path, 1, [("a", rows[0])]), **facts}
    checked(run)
    assert "| 200 | 150 | 1 | 1 | 0 | 0 | 0 | 0 | 1 | 0 | 0 | 0 |" in render([run])
    assert render([run]) in render_page([run])
    assert "hot folder" not in render_page([])
