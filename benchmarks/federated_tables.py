"""The table of plants that share statistics in place of pictures."""

from collections.abc import Sequence

from benchmarks.markdown import decimals, share, table
from benchmarks.result_files import Run

_NOTE = (
    "Six runs of neighboring solar cells as six plants, `gaussian`, means over {n} draws of the cells that "
    "are tested. *alone*: fitted on the plant's own images. *joined*: from the statistics of all six, with a "
    "threshold fitted on the plant's own images. *center*: one bundle from the statistics alone, no image "
    "read. *pooled*: one fit on all pictures. A file of statistics has {size:.0f} MB. Decisions at the "
    "threshold that ships (1 % of good parts)."
)
_WAYS = ("alone", "joined", "center", "pooled")


def federated(runs: Sequence[Run]) -> str:
    """Return a table; the same runs give the same text."""
    n_plants = len(runs[0]["plants"])
    head = ["plant", "good images", *(f"AUROC {way}" for way in _WAYS)]
    head += [f"found @ rejected, {way}" for way in _WAYS]
    rows = [
        [str(plant), str(runs[0]["plants"][plant]["n_train"]), *_cells(runs, [plant])]
        for plant in range(n_plants)
    ]
    rows.append(["mean", "", *_cells(runs, list(range(n_plants)))])
    size = max(max(run["bytes"]) for run in runs) / 1e6
    note = _NOTE.format(n=len(runs), size=size)
    return "\n".join(["## Statistics in place of pictures\n", f"{note}\n", table(head, rows)])


def _cells(runs: Sequence[Run], plants: list[int]) -> list[str]:
    def mean(way: str, key: str) -> float:
        found = [run["plants"][plant][way][key] for run in runs for plant in plants]
        return sum(found) / len(found)

    ranks = [decimals(mean(way, "auroc")) for way in _WAYS]
    decided = [
        f"{share(mean(way, 'recall'))} @ {share(mean(way, 'false_reject_rate'))}" for way in _WAYS
    ]
    return [*ranks, *decided]
