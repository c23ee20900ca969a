"""Lists of any length: the memory of a shard and the seconds until a list is read, sorted and its own known.

Memory: the highest resident memory of one process that scores a manifest of 10,000 and of 1,000,000 rows as
its only shard. The files are missing: all that grows with a list is there, and no image. Listing: the only
image of a shard of 100,000 is missing, so that what it takes is start-up and listing; the list is CSV,
Parquet or a folder of folders of 1,000 empty files.
"""

import shutil
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.shard_place import SMALL, Place, apart

ROWS = (10_000, 1_000_000)
LISTED = (1_000, 10_000, 100_000, 1_000_000)
_ONE_OF = 100_000
_IN_FOLDER = 1_000


def measure_memory(place: Place, rows: Sequence[int] = ROWS) -> dict[str, Any]:
    """Return the peak of a shard for each number of rows, in MB, and its seconds."""
    costs = []
    for n in rows:
        apart(_write_csv, place.folder / f"{n}.csv", n)
        shard = ("--shard", "0/1", "-o", f"missing-{n}", "--threads", 1)
        costs.append(place.cost("score", SMALL, f"{n}.csv", *shard))
        shutil.rmtree(place.folder / f"missing-{n}")
    return {
        "n_rows": list(rows),
        "score_mb": [cost.peak_mb for cost in costs],
        "score_s": [cost.wall_s for cost in costs],
    }


def measure_listing(place: Place, rows: Sequence[int] = LISTED) -> dict[str, Any]:
    """Return seconds to list each number of images, by the kind of list, less those of a list of one."""
    start_up_s = min(_list_s(place, "csv", 1) for _ in range(3))
    found: dict[str, Any] = {"n_rows": list(rows), "start_up_s": start_up_s}
    for kind in _WRITERS:
        found[f"{kind}_s"] = [max(0.0, _list_s(place, kind, n) - start_up_s) for n in rows]
    return found


def _list_s(place: Place, kind: str, n: int) -> float:
    """Return the seconds of a shard that hardly holds an image."""
    images, out = place.folder / f"listed-{n}.{kind}", f"listed-{kind}-{n}"
    apart(_WRITERS[kind], images, n)
    shard = ("--shard", f"0/{1 if n == 1 else _ONE_OF}", "-o", out, "--threads", 1)
    try:
        return place.cost("score", SMALL, images.name, *shard).wall_s
    finally:
        shutil.rmtree(place.folder / out)
        shutil.rmtree(images) if images.is_dir() else images.unlink()


def _names(n: int) -> list[str]:
    return [f"line {i // _IN_FOLDER}/{i:09}.png" for i in range(n)]


def _write_csv(path: Path, n: int) -> None:
    with path.open("w") as file:
        file.write("path\n")
        file.writelines(f"{name}\n" for name in _names(n))


def _write_parquet(path: Path, n: int) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"path": _names(n)}), path)


def _write_folder(path: Path, n: int) -> None:
    names = iter(_names(n))
    while some := list(islice(names, _IN_FOLDER)):
        (path / some[0]).parent.mkdir(parents=True)
        for name in some:
            (path / name).touch()


_WRITERS: dict[str, Callable[[Path, int], None]] = {
    "csv": _write_csv, "parquet": _write_parquet, "folder": _write_folder,
}  # fmt: skip
