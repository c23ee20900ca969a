"""What shards say of themselves, as JSON beside them: what they are of, what they hold, when they are done.

OUT/shards.json                                  the run, written by whoever comes first
OUT/shard-0003-of-0016/chunk-000012.parquet      a few thousand rows
OUT/shard-0003-of-0016/chunk-000012.json         what they are of, and their checksum
OUT/shard-0003-of-0016/shard.json                all chunks, written last
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from defectory.artifacts import Promise
from defectory.domain import DataError
from defectory.remote import Place
from defectory.storage.kinds import GENERATOR
from defectory.storage.shared_files import shared_file

BEGUN_NAME, DONE_NAME = "shards.json", "shard.json"

_MAX_BYTES = 256 * 2**20


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written as JSON."""

    generator: str = GENERATOR


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What decides about rows: shards of one collection have all of it in common.

    Attributes
    ----------
    bundle : SHA-256 of its file
    promise : what decisions keep
    version : of defectory
    n_shards : how many there are
    chunk_size : images in a file
    """

    bundle: str
    promise: Promise
    version: str
    n_shards: int
    chunk_size: int


class Begun(Record, frozen=True, kw_only=True):
    """A collection that is being scored.

    Attributes
    ----------
    run : of all shards
    arguments : of the command line that began it: bundle, images, options
    threshold, accept_threshold : None where there was nothing to fit one on
    has_gray_zone : whether images may be for a person to look at
    highest_good : highest left-out score of a good image of the fit; None where there was none
    notes : what is to be said of the bundle
    """

    run: Run
    arguments: list[str]
    threshold: float | None
    accept_threshold: float | None
    has_gray_zone: bool
    highest_good: float | None
    notes: list[str] = []


class ChunkMarker(Record, frozen=True, kw_only=True):
    """A file of rows.

    Attributes
    ----------
    run, shard, number : what it is of
    images : hash of the names, lengths and times of its images
    n_rows, n_rejected, n_unreadable : what it holds
    n_bytes, sha256 : of the file
    """

    run: Run
    shard: int
    number: int
    images: str
    n_rows: int
    n_rejected: int
    n_unreadable: int
    n_bytes: int
    sha256: str


class ShardDone(Record, frozen=True, kw_only=True):
    """A shard that is complete.

    Attributes
    ----------
    run, shard : what it is of
    n_listed, listing : names in the whole list, of all shards, and the sum of their hashes
    n_own : names of this shard among them; repeated ones count
    runtime : what scored it
    chunks : its files
    """

    run: Run
    shard: int
    n_listed: int
    listing: str
    n_own: int
    runtime: str
    chunks: list[ChunkMarker]

    @property
    def n_rows(self) -> int:
        """Images in it."""
        return sum(chunk.n_rows for chunk in self.chunks)


AnyRecord = TypeVar("AnyRecord", bound=Record)


@contextmanager
def written(path: Place) -> Iterator[Path]:
    """Give a temporary file that becomes `path`, whole or not at all; several processes may. OSError."""
    with shared_file(path) if isinstance(path, Path) else path.written() as part:
        yield part


def write_record(record: Record, path: Place) -> None:
    """Write a record, whole or not at all; several processes may. OSError as it comes."""
    with written(path) as part:
        part.write_bytes(as_json(record))


def as_json(record: Record) -> bytes:
    """Return the record as JSON for a person to read."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def read_record(path: Place, kind: type[AnyRecord]) -> AnyRecord | None:
    """Return a record; None where there is none that we could have written; see also `check_missing`."""
    try:
        if isinstance(path, Path) and path.stat().st_size > _MAX_BYTES:
            return None
        record = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        check_missing(path, error)
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return record if record.generator.startswith("defectory ") else None


def check_missing(path: Place, error: OSError) -> None:
    """Raise DataError where a store does not say what is there: it may be whole, and has to stay."""
    if not isinstance(path, Path) and not isinstance(error, FileNotFoundError):
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
