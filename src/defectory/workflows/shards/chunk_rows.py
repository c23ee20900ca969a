"""The rows of complete shards, read from disk piece by piece, and checked: each image once, in its shard."""

import json
from collections.abc import Iterator, Sequence

from defectory.domain import ManifestError, ShardsError
from defectory.remote import Place
from defectory.sources.parquet_files import opened_parquet
from defectory.workflows.scoring.rows import Row
from defectory.workflows.shards.chunks import chunk_name
from defectory.workflows.shards.completeness import explain_missing
from defectory.workflows.shards.membership import Shard, image_key
from defectory.workflows.shards.records import Begun, ShardDone

_BATCH_ROWS = 1024


def read_rows(
    folder: Place, begun: Begun, shards: Sequence[ShardDone]
) -> Iterator[tuple[str, Row]]:
    """Yield the name of each image and its row, as `score` makes it.

    Raises
    ------
    ShardsError : a file is not what its marker says, an image is there twice, or in a shard of others.
    """
    for done in shards:
        shard = Shard(done.shard, begun.run.n_shards)
        place = folder / shard.folder_name
        order = _Order(shard)
        for number, marker in enumerate(done.chunks):
            n_rows, wrong = 0, ""
            try:
                for name, row in _rows_in(place / chunk_name(number)):
                    wrong = order.explain_wrong(name)
                    if wrong:
                        break
                    n_rows += 1
                    yield name, row
            except ManifestError as error:
                wrong = str(error)
            if not wrong and n_rows != marker.n_rows:
                wrong = f"holds {n_rows:,} rows in {chunk_name(number)}, not {marker.n_rows:,}"
            if wrong:
                text = f"{wrong}; remove {place}, then"
                raise ShardsError(f"{folder}: {explain_missing(folder, begun, shard, text)}")


class _Order:
    """Knows after each image which may follow: rows come in the order of their keys."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._last, self._names = b"", set[str]()

    def explain_wrong(self, name: str) -> str:
        """Return what is wrong with the next image; "" where all is well."""
        key = image_key(name)
        if not self._shard.holds(key):
            return f"holds an image of another shard ({name})"
        if key < self._last or (key == self._last and name in self._names):
            return f"holds an image twice ({name})"
        if key != self._last:
            self._last, self._names = key, set()
        self._names.add(name)
        return ""


def _rows_in(path: Place) -> Iterator[tuple[str, Row]]:
    with opened_parquet(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, use_threads=False):
            for cells in batch.to_pylist():
                cells.pop("n_regions")
                raw, error = cells.pop("image_bytes"), cells.pop("error")
                regions = json.loads(cells.pop("regions"))
                row = {**cells, "regions": regions, "error": error}
                if raw is None:
                    yield row["image"], row
                    continue
                row["image_bytes"] = raw
                yield bytes.fromhex(raw).decode("utf-8", "surrogateescape"), row
