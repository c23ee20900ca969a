"""What `merge` takes by the number of rows, and what rows take on disk.

Rows are those of a few scored pictures, an eighth of them defective, repeated under other names by the
writer that `score --shard` uses: each has a score of its own, in 16 shards. No image is read.
"""

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.shard_place import PARTS, Place, apart

ROWS = (1_000, 10_000, 100_000, 1_000_000)
_N_SHARDS, _CHUNK_SIZE = 16, 4096
_JITTER = 1e-3


def measure(place: Place, seed: int, rows: Sequence[int] = ROWS) -> dict[str, Any]:
    """Return seconds and peaks of `merge` without a table and with one, and bytes of a row."""
    found: dict[str, Any] = {"n_rows": list(rows)}
    keys = ("check_s", "check_mb", "csv_s", "csv_mb", "parquet_s", "row_bytes", "csv_row_bytes")
    found |= {key: [] for key in keys}
    place.run("score", PARTS, "pictures", "-o", "repeated", "--shard", "0/1", "--quiet")
    for n in rows:
        out = place.folder / f"merged-{n}"
        apart(write_shards, place.folder, out, n, seed)
        files = [path for path in out.rglob("*") if path.is_file()]
        found["row_bytes"].append(sum(path.stat().st_size for path in files) / n)
        check = place.cost("merge", out.name)
        csv = place.cost("merge", out.name, "--format", "csv")
        found["csv_row_bytes"].append((out / "scores.csv").stat().st_size / n)
        parquet = place.cost("merge", out.name, "--format", "parquet")
        values = (check.wall_s, check.peak_mb, csv.wall_s, csv.peak_mb, parquet.wall_s)
        for key, value in zip(keys, values, strict=False):
            found[key].append(value)
        shutil.rmtree(out)
    return found


def write_shards(folder: Path, out: Path, n: int, seed: int) -> None:
    """Write complete shards of n rows, which repeat those in `repeated`."""
    from defectory.workflows.calibrated import load_hashed
    from defectory.workflows.shards.membership import Shard, hash_of, image_key
    from defectory.workflows.shards.place import open_place
    from defectory.workflows.shards.runs import begin, run_of

    model, digest = load_hashed(folder / PARTS)
    run = run_of(digest, model, _N_SHARDS, _CHUNK_SIZE)
    open_place(out, begin(model, run, [PARTS, "images"]), [folder / PARTS])
    hashed = [(hash_of(image_key(name)), name) for name in (f"{i:09}.png" for i in range(n))]
    listing = sum(number for number, _ in hashed) % 2**128
    rows, rng = _scored_rows(folder / "repeated"), random.Random(seed)
    for i in range(_N_SHARDS):
        names = [name for number, name in hashed if number % _N_SHARDS == i]
        _write_shard(out, run, Shard(i, _N_SHARDS), names, rows, rng, (n, f"{listing:032x}"))


def _write_shard(
    out: Path,
    run: Any,
    shard: Any,
    names: Sequence[str],
    rows: Sequence[dict[str, Any]],
    rng: random.Random,
    listed: tuple[int, str],
) -> None:
    from defectory.workflows.shards.chunks import ChunkFile
    from defectory.workflows.shards.records import DONE_NAME, ShardDone, write_record

    place = out / shard.folder_name
    place.mkdir()

    def repeated(some: Sequence[str]) -> Iterator[dict[str, Any]]:
        for name in some:
            row = rng.choice(rows)
            yield row | {"image": name, "score": row["score"] * (1 + _JITTER * rng.random())}

    chunks = []
    for number, start in enumerate(range(0, len(names), run.chunk_size)):
        some = names[start : start + run.chunk_size]
        file = ChunkFile(place, run, shard, number)
        chunks.append(file.write(repeated(some), "repeated rows", ["image_bytes"]))
    done = ShardDone(
        run=run, shard=shard.index, n_listed=listed[0], listing=listed[1], n_own=len(names),
        runtime="none", chunks=chunks,
    )  # fmt: skip
    write_record(done, place / DONE_NAME)


def _scored_rows(folder: Path) -> list[dict[str, Any]]:
    from defectory.domain import NoProgress
    from defectory.workflows.shards.chunk_rows import read_rows
    from defectory.workflows.shards.completeness import read_begun, read_complete

    begun = read_begun(folder)
    done = read_complete(folder, begun, NoProgress())
    return [row for _, row in read_rows(folder, begun, done)]
