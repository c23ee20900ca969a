"""Collections in shards: memory, lists, merging, speed, engines, fits in parts, faults; a part at a time.

What each part measures stands at the head of its module, `benchmarks/shard_*.py`.
"""

import hashlib
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import (
    added_runs,
    shard_faults,
    shard_fits,
    shard_lists,
    shard_merges,
    shard_parity,
    shard_speed,
)
from benchmarks.added_runs import check_names
from benchmarks.provenance import provenance
from benchmarks.result_files import Run, add_run, smoke_marked
from benchmarks.shard_place import SIZE_PX, SMALL_PX, Place

_N_SMOKE_RUNS = 2


@dataclass(frozen=True, kw_only=True)
class Told(added_runs.Told):
    """What the command line says.

    Attributes
    ----------
    parts : names in `PARTS`
    n_runs : with killed workers
    seed : of pictures, of moments
    """

    parts: tuple[str, ...]
    n_runs: int
    seed: int


def run(told: Told) -> None:
    """Measure each part, in place of what is in the file of it; ToldError where a part is unknown."""
    check_names(("part", told.parts, PARTS))
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), told.seed)
        for part in told.parts:
            print(f"shards: {part}", file=sys.stderr, flush=True)
            found = _MEASURES[part](place, told)
            if found is not None:
                record = {"protocol": "shards", "part": part, "seed": told.seed, **found}
                record |= _facts(part, told, record.pop("data", ""))
                add_run(told.out, smoke_marked(record, told.n_images), _part_of)


def _part_of(found: Run) -> str:
    return str(found["part"])


def _facts(part: str, told: Told, data: str) -> Run:
    """Return what made a part; `data` is the fingerprint of what was not drawn here."""
    described = repr((part, data, SIZE_PX, SMALL_PX, told.seed, told.n_images)).encode()
    return provenance(
        data=hashlib.sha256(described).hexdigest(),
        weights="efficientnet-lite0",
        command=f"{told.command} --parts {part}",
    )


def _rows(n: int | None, rows: tuple[int, ...]) -> tuple[int, ...]:
    """Return numbers of rows; few in a smoke run."""
    return rows if n is None else tuple(n * 2**i for i in range(len(rows)))


def _runs(told: Told) -> tuple[int, int, int]:
    """Return how many runs, the seed and how many images."""
    if told.n_images is not None:
        return _N_SMOKE_RUNS, told.seed, told.n_images
    return told.n_runs, told.seed, shard_faults.N_NAMES


_MEASURES: dict[str, Callable[[Place, Told], dict[str, Any] | None]] = {
    "memory": lambda place, told: shard_lists.measure_memory(
        place, _rows(told.n_images, shard_lists.ROWS)
    ),
    "listing": lambda place, told: shard_lists.measure_listing(
        place, _rows(told.n_images, shard_lists.LISTED)
    ),
    "merge": lambda place, told: shard_merges.measure(
        place, told.seed, _rows(told.n_images, shard_merges.ROWS)
    ),
    "processes": lambda place, told: shard_speed.measure_processes(
        place, told.n_images or shard_speed.N_NAMES
    ),
    "engine": lambda place, told: shard_speed.measure_engine(
        place, told.n_images or shard_speed.N_ENGINE_NAMES
    ),
    "incremental": lambda place, told: shard_fits.measure(
        place, told.seed, *((10 * told.n_images, told.n_images) if told.n_images else ())
    ),
    "parity": lambda place, told: shard_parity.measure(place, n_images=told.n_images),
    "faults": lambda place, told: shard_faults.measure(place, *_runs(told)),
    "ray-faults": lambda place, told: shard_faults.measure_ray(place, *_runs(told)),
}

PARTS = tuple(_MEASURES)
