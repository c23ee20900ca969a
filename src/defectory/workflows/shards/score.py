"""One shard of a collection, scored: resumable, and the same whoever scores it, and however often."""

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from defectory.domain import NoProgress, ParameterError, Progress
from defectory.remote import Place
from defectory.remote.copies import told_remote
from defectory.sources import Sample
from defectory.sources.listing import Listing, list_images
from defectory.storage import readable_name
from defectory.storage.leftovers import remove_leftovers_in
from defectory.storage.outputs import cannot_write
from defectory.workflows.calibrated import CalibratedDetector, load_hashed, refuse_swapped
from defectory.workflows.scoring.rows import Row, import_arrow, make_row
from defectory.workflows.scoring.score import CHUNK
from defectory.workflows.shards.chunks import ChunkFile, hash_images, remove_chunks
from defectory.workflows.shards.judging import find_errors, judge_all
from defectory.workflows.shards.members import Members
from defectory.workflows.shards.membership import Shard
from defectory.workflows.shards.place import open_place
from defectory.workflows.shards.records import (
    DONE_NAME,
    ChunkMarker,
    Run,
    ShardDone,
    write_record,
)
from defectory.workflows.shards.remote_images import at_hand, look_up_all
from defectory.workflows.shards.runs import begin, run_of

CHUNK_SIZE = 4096
"""Images in a file, and which a killed process has to score again."""


@dataclass(frozen=True)
class ShardSummary:
    """What came of scoring a shard.

    Attributes
    ----------
    shard : which one
    folder : where its files lie, here or in a store
    n_images, n_rejected, n_unreadable : images
    n_kept : images of files that were there already
    notes : what is to be said of the bundle
    """

    shard: Shard
    folder: Place
    n_images: int
    n_rejected: int
    n_unreadable: int
    n_kept: int
    notes: tuple[str, ...]


def score_shard(
    bundle: Path,
    images: Place,
    folder: Place,
    shard: Shard,
    *,
    false_reject_rate: float | None = None,
    miss_rate: float | None = None,
    chunk_size: int = CHUNK_SIZE,
    progress: Progress | None = None,
) -> ShardSummary:
    """Score one shard of a folder or manifest into a folder that all shards share.

    Any processes on any machines may score the shards, in any order, one twice or two at once. Files of rows
    that are there, whole and of the same images, are kept. An image that cannot be read is a row with an
    error. Memory does not grow with the number of images.

    Parameters
    ----------
    images : one folder, manifest or image, here or in a store
    folder : of all shards, here or in a store; `merge_shards` makes one result of it
    false_reject_rate, miss_rate : decide by other promises than the bundle's
    chunk_size : >= 1, images in a file

    Raises
    ------
    DataError, ManifestError : there are no images, or the manifest does not parse.
    BundleError : there is no bundle, or it is damaged.
    OutputError : the folder is, holds or lies in what is read, holds something else or shards of another run,
        or cannot be written; files that are complete stay.
    ParameterError, MissingExtraError : a rate or size is out of its range; the extra `parquet` is missing.
    """
    collection = load_collection(
        bundle,
        images,
        false_reject_rate=false_reject_rate,
        miss_rate=miss_rate,
        chunk_size=chunk_size,
    )
    return collection.score(folder, shard, progress or NoProgress())


@dataclass(frozen=True)
class Collection:
    """What is to be scored, and by what, before it is known in how many shards.

    Attributes
    ----------
    bundle, images : where they lie
    model, listing : the same, loaded
    bundle_sha256 : of the bundle's file, hex digits
    chunk_size : images in a file
    arguments : of the command line that scores it
    """

    bundle: Path
    images: Place
    model: CalibratedDetector
    listing: Listing
    bundle_sha256: str
    chunk_size: int
    arguments: Sequence[str]

    def begin(self, folder: Place, n_shards: int) -> Run:
        """Make the folder of all shards, or go on with it; OutputError as `open_place` raises it."""
        run = run_of(self.bundle_sha256, self.model, n_shards, self.chunk_size)
        open_place(folder, begin(self.model, run, self.arguments), [self.bundle, self.images])
        return run

    def score(self, folder: Place, shard: Shard, progress: Progress) -> ShardSummary:
        """Score what is not there yet of a shard; see `score_shard`."""
        run = self.begin(folder, shard.n)
        return fill_shard(self.model, self.listing, folder, run, shard, progress)

    def count(self) -> int:
        """Return how many images all shards have, by listing them; repeated ones count."""
        return sum(1 for _ in self.listing.names())


def load_collection(
    bundle: Path,
    images: Place,
    *,
    false_reject_rate: float | None = None,
    miss_rate: float | None = None,
    chunk_size: int = CHUNK_SIZE,
) -> Collection:
    """Return what shards are made of; raises as `score_shard` does, but for the folder."""
    if chunk_size < 1:
        raise ParameterError(f"{chunk_size} images a file are too few; give 1 or more")
    import_arrow("--shard")
    refuse_swapped(bundle, [images] if isinstance(images, Path) else [])
    listing = list_images(images)
    model, digest = load_hashed(bundle, false_reject_rate, miss_rate)
    arguments = [readable_name(told_remote(str(bundle))), readable_name(str(images))]
    for option, rate in (("--false-reject-rate", false_reject_rate), ("--miss-rate", miss_rate)):
        arguments += [] if rate is None else [option, str(rate)]
    if chunk_size != CHUNK_SIZE:
        arguments += ["--chunk-size", str(chunk_size)]
    return Collection(bundle, images, model, listing, digest, chunk_size, arguments)


def score_part(
    bundle: Path,
    images: Place,
    options: Mapping[str, Any],
    folder: Path,
    shard: Shard,
    progress: Progress,
) -> None:
    """Score one shard of several that this process scores; see `score_shard`, whose options these are."""
    _loaded(bundle, images, **options).score(folder, shard, progress)


_loaded = cache(load_collection)


def fill_shard(
    model: CalibratedDetector,
    listing: Listing,
    folder: Place,
    run: Run,
    shard: Shard,
    progress: Progress,
) -> ShardSummary:
    """Score what is not there yet of a shard, in a folder that `open_place` has made; see `score_shard`."""
    place = folder / shard.folder_name
    filler = _Filler(model, place, run, shard, progress)
    try:
        with Members(listing, shard) as members:
            if isinstance(place, Path):
                place.mkdir(exist_ok=True)
            progress.start("scoring", members.n_own)
            for samples in members.chunks(run.chunk_size):
                filler.take(samples)
            done = ShardDone(
                run=run,
                shard=shard.index,
                n_listed=members.n_listed,
                listing=members.listing,
                n_own=members.n_own,
                runtime=f"onnxruntime {version('onnxruntime')}, {platform.machine()}",
                chunks=filler.chunks,
            )
            remove_chunks(place, len(filler.chunks))
            if isinstance(place, Path):
                remove_leftovers_in(place)
            write_record(done, place / DONE_NAME)
    except OSError as error:
        raise filler.noted(cannot_write(place, error)) from error
    except BaseException as error:
        filler.noted(error)
        raise
    return ShardSummary(
        shard=shard,
        folder=place,
        n_images=done.n_rows,
        n_rejected=sum(chunk.n_rejected for chunk in filler.chunks),
        n_unreadable=sum(chunk.n_unreadable for chunk in filler.chunks),
        n_kept=filler.n_kept,
        notes=model.bundle.notes,
    )


def _is_mended(file: ChunkFile, samples: Sequence[Sample]) -> bool:
    """Return whether an image of a chunk can be read that could not: a share was away for a moment."""
    broken = [
        sample for sample, is_scored in zip(samples, file.scored(), strict=True) if not is_scored
    ]
    with at_hand(broken, CHUNK) as parts:
        n_broken = sum(
            len(part.errors | find_errors([s for s in part.samples if s.path not in part.errors]))
            for part in parts
        )
    return n_broken < len(broken)


class _Filler:
    """Writes the chunks of a shard, one after the other.

    Attributes
    ----------
    chunks : those that are done
    n_kept : images of those that were there already
    """

    def __init__(
        self, model: CalibratedDetector, place: Place, run: Run, shard: Shard, progress: Progress
    ) -> None:
        self._model, self._place, self._run, self._shard = model, place, run, shard
        self._progress = progress
        zone = ["outcome", "accept_threshold"] if model.gray_zone is not None else []
        self._columns = [*zone, "image_bytes"]
        self.chunks: list[ChunkMarker] = []
        self.n_kept = 0

    def take(self, samples: Sequence[Sample]) -> None:
        """Write the next chunk, or keep it; OSError as it comes."""
        file = ChunkFile(self._place, self._run, self._shard, len(self.chunks))
        samples = look_up_all(samples)
        images = hash_images(samples)
        marker = file.find(images)
        if marker is None or (marker.n_unreadable and _is_mended(file, samples)):
            marker = file.write(self._rows(samples), images, self._columns)
        else:
            self.n_kept += len(samples)
            self._progress.advance(len(samples))
        self.chunks.append(marker)

    def noted(self, error: BaseException) -> BaseException:
        """Return the error with a note of what is there."""
        n_images = sum(chunk.n_rows for chunk in self.chunks)
        if n_images:
            error.add_note(
                f"{n_images:,} images of shard {self._shard} are done and kept: "
                "run the same command again to go on"
            )
        return error

    def _rows(self, samples: Sequence[Sample]) -> Iterator[Row]:
        with at_hand(samples, CHUNK) as parts:
            for part in parts:
                for item in judge_all(self._model, part.samples, part.errors):
                    yield make_row(part.named(item), self._model)
                    self._progress.advance()
