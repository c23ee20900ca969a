"""One file of rows, and the marker that says what they are of."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from defectory.remote import Place
from defectory.sources import Sample
from defectory.sources.parquet_files import opened_parquet
from defectory.storage.markers import Content, read_content
from defectory.workflows.scoring.rows import Row, write_rows
from defectory.workflows.shards.membership import Shard
from defectory.workflows.shards.records import (
    ChunkMarker,
    Run,
    check_missing,
    read_record,
    write_record,
    written,
)
from defectory.workflows.shards.remote_images import RemoteSample

_CHUNK_FILE = re.compile(r"chunk-(\d{6,})\.(?:parquet|json)")


class ChunkFile:
    """One chunk of a shard, on disk or in a store, or to come.

    Parameters
    ----------
    folder : of the shard
    run, shard, number : what it is of
    """

    def __init__(self, folder: Place, run: Run, shard: Shard, number: int) -> None:
        self.path: Place = folder / chunk_name(number)
        self._marker_path = self.path.with_suffix(".json")
        self._run, self._shard, self._number = run, shard, number

    def find(self, images: str) -> ChunkMarker | None:
        """Return the marker where the rows of these images are there, whole and of this run; else None."""
        marker = read_record(self._marker_path, ChunkMarker)
        if marker is None:
            return None
        known = (marker.run, marker.shard, marker.number, marker.images)
        if known != (self._run, self._shard.index, self._number, images):
            return None
        return marker if is_whole(self.path, marker) else None

    def scored(self) -> list[bool]:
        """Return whether each image has a score, in order; of a file that is there and whole."""
        with opened_parquet(self.path) as file:
            scores = file.read(columns=["score"]).column(0).to_pylist()
        return [score is not None for score in scores]

    def write(self, rows: Iterable[Row], images: str, columns: Sequence[str]) -> ChunkMarker:
        """Write the rows as they come, then their marker; OSError as it comes."""
        counted = _Counted(rows)
        with written(self.path) as part:
            write_rows(counted, part, "parquet", more=columns)
            content = read_content(part)
        marker = ChunkMarker(
            run=self._run,
            shard=self._shard.index,
            number=self._number,
            images=images,
            n_rows=counted.n_rows,
            n_rejected=counted.n_rejected,
            n_unreadable=counted.n_unreadable,
            n_bytes=content.n_bytes,
            sha256=content.sha256,
        )
        write_record(marker, self._marker_path)
        return marker


def chunk_name(number: int) -> str:
    """Return the name of a chunk's file."""
    return f"chunk-{number:06}.parquet"


def remove_chunks(folder: Place, first: int) -> None:
    """Remove the files of a chunk and of all after it, which a longer list has left; OSError as it comes."""
    there: list[Place] = list(folder.iterdir())
    for path in there:
        match = _CHUNK_FILE.fullmatch(path.name)
        if match and int(match[1]) >= first:
            path.unlink(missing_ok=True)


def is_whole(path: Place, marker: ChunkMarker) -> bool:
    """Return whether a chunk's file is as it was written; DataError, see `check_missing`."""
    try:
        return _content(path) == Content(marker.n_bytes, marker.sha256)
    except OSError as error:
        check_missing(path, error)
        return False


def _content(path: Place) -> Content:
    if isinstance(path, Path):
        return read_content(path)
    content = path.read_bytes()
    return Content(len(content), hashlib.sha256(content).hexdigest())


def hash_images(samples: Iterable[Sample]) -> str:
    """Return what changes when any of these images is another one: by name, length and time or checksum."""
    digest = hashlib.sha256()
    for sample in samples:
        if isinstance(sample, RemoteSample):
            digest.update(repr((sample.name, sample.version)).encode("utf-8", "surrogatepass"))
            continue
        try:
            status = sample.path.stat()
            known: tuple[object, ...] = (sample.name, status.st_size, status.st_mtime_ns)
        except (OSError, ValueError):
            known = (sample.name,)
        digest.update(repr(known).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


class _Counted:
    """Rows, counted as they pass."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.n_rows = self.n_rejected = self.n_unreadable = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.n_rows += 1
            self.n_rejected += row["is_anomalous"] is True
            self.n_unreadable += row["score"] is None
            yield row
