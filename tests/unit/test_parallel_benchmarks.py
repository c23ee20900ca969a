"""Runs side by side give the same records, without the timings that would say nothing."""

from benchmarks.parallel import each

RECORDS = [{"row": n, "figures": {"image_auroc": 0.5 + n / 10, "fit_s": 1.0}} for n in range(3)]


def test_one_after_the_other_keeps_timings():
    assert list(each(dict, [(record,) for record in RECORDS], 1)) == RECORDS


def test_side_by_side_leaves_timings_out():
    found = sorted(each(dict, [(record,) for record in RECORDS], 2), key=lambda r: r["row"])
    assert [record["row"] for record in found] == [0, 1, 2]
    assert [record["figures"] for record in found] == [
        {"image_auroc": record["figures"]["image_auroc"]} for record in RECORDS
    ]
