"""What a collection would take, from what was measured on two cores: a formula, and a table of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from benchmarks.markdown import table
from benchmarks.result_files import Run

_COLLECTIONS = (1_000_000, 10_000_000, 100_000_000)
_PROCESSES = (16, 256)
_SHARDS_A_PROCESS = 4

NEEDS = ("processes", "listing", "merge")
"""Parts that have to be measured."""


@dataclass(frozen=True)
class Inputs:
    """What was measured.

    Attributes
    ----------
    images_per_s : of one process, its start-up not counted, where another runs beside it
    start_up_s : of a shard
    listing_s, check_s, csv_s : a listed image, a row that is checked, one that is sorted and written, too
    row_bytes : of a row on disk
    """

    images_per_s: float
    start_up_s: float
    listing_s: float
    check_s: float
    csv_s: float
    row_bytes: float


def inputs_of(by_part: Mapping[str, Run]) -> Inputs:
    """Return what the formula needs; of lists and merges the longest counts."""
    processes, listing, merge = (by_part[part] for part in NEEDS)
    whole_s = processes["n_scored"] / processes["images_per_s"][0]
    scoring_s = whole_s - processes["n_shards"] * processes["start_up_s"]
    n_rows = merge["n_rows"][-1]
    return Inputs(
        images_per_s=processes["n_scored"] / scoring_s * processes["efficiency"],
        start_up_s=processes["start_up_s"],
        listing_s=listing["parquet_s"][-1] / listing["n_rows"][-1],
        check_s=merge["check_s"][-1] / n_rows,
        csv_s=merge["csv_s"][-1] / n_rows,
        row_bytes=merge["row_bytes"][-1],
    )


def extrapolation(by_part: Mapping[str, Run]) -> str:
    """Return the table, with its inputs above it."""
    found = inputs_of(by_part)
    note = (
        "**Extrapolated**, not measured, by the formulas of [the cost model](scaling.md): "
        f"{found.images_per_s:.0f} images/s a process where another runs beside it, start-up "
        f"{found.start_up_s:.1f} s a shard, and a million images listed in {1e6 * found.listing_s:.1f} s "
        f"(Parquet), checked in {1e6 * found.check_s:.0f} s, sorted and written in "
        f"{1e6 * found.csv_s:.0f} s (CSV), {1e-6 * 1e6 * found.row_bytes:.0f} MB of rows. "
        f"{_SHARDS_A_PROCESS} shards a process; images are as fast to read as here."
    )
    rows = [_row(found, n, n_processes) for n in _COLLECTIONS for n_processes in _PROCESSES]
    head = (
        "images", "processes", "shards", "scoring", "of it listing", "`merge`", "with CSV",
        "rows on disk",
    )  # fmt: skip
    drawing = "![Images a second by processes; seconds to list and to merge](figures/shards.svg)"
    return f"{note}\n\n{table(head, rows)}\n{drawing}"


def scoring_s(found: Inputs, n: int, n_processes: int, n_shards: int) -> float:
    """Return the seconds until the last shard ends; each process takes one shard after the other."""
    shard_s = found.start_up_s + found.listing_s * n + n / n_shards / found.images_per_s
    return ceil(n_shards / n_processes) * shard_s


def _row(found: Inputs, n: int, n_processes: int) -> list[str]:
    n_shards = _SHARDS_A_PROCESS * n_processes
    whole_s = scoring_s(found, n, n_processes, n_shards)
    listing_s = _SHARDS_A_PROCESS * found.listing_s * n
    return [
        f"{n:,}", str(n_processes), f"{n_shards:,}", duration(whole_s), f"{listing_s / whole_s:.1%}",
        duration(found.check_s * n), duration(found.csv_s * n), f"{found.row_bytes * n / 1e9:.2g} GB",
    ]  # fmt: skip


def duration(seconds: float) -> str:
    """Return seconds as people say them: 40 s, 12 min, 3.5 h, 2.1 d."""
    for unit, of, limit in (("s", 1, 90), ("min", 60, 5400), ("h", 3600, 172_800)):
        if seconds < limit:
            value = seconds / of
            return f"{value:.1f} {unit}" if unit == "h" and value < 10 else f"{value:.0f} {unit}"
    return f"{seconds / 86_400:.1f} d"
