"""The table of plants; the measurement itself is run by hand."""

from benchmarks.federated import WAYS
from benchmarks.federated_tables import federated


def _run(seed, auroc):
    judged = {"auroc": auroc, "recall_at_5pct": 0.5, "recall": 0.25, "false_reject_rate": 0.01}
    plants = [
        {"plant": i, "n_train": 100 + i, "n_good": 20, "n_bad": 5, **dict.fromkeys(WAYS, judged)}
        for i in range(2)
    ]
    return {"protocol": "federated", "seed": seed, "plants": plants, "bytes": [17_000_000] * 2}


def test_the_table_means_over_plants_and_draws():
    text = federated([_run(0, 0.8), _run(1, 0.9)])
    assert "means over 2 draws" in text
    assert "17 MB" in text
    *_, mean = text.splitlines()
    assert mean.count(".850") == len(WAYS)
    assert "101" in text
