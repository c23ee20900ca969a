"""Images of a shard that lie in a store: looked up together, and on this machine while they are judged."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeGuard

from defectory.domain import DataError, ImageReadError, Label, OutputError
from defectory.machine import map_ordered
from defectory.remote import RemotePath
from defectory.remote.retries import NO_CREDENTIALS
from defectory.sources import Sample
from defectory.sources.decoding import MAX_FILE_BYTES
from defectory.workflows.scoring.rows import ScoredImage


@dataclass(frozen=True)
class RemoteSample(Sample):
    """An image in a store; `path` is its address until `at_hand` gives a copy.

    Attributes
    ----------
    place : where it lies
    version : what the store said of it; "" where nothing is there or may be seen
    n_bytes : its size; 0 where that is not known
    """

    place: RemotePath = field(kw_only=True)
    version: str = field(default="", kw_only=True)
    n_bytes: int = field(default=0, kw_only=True)


@dataclass(frozen=True)
class Part:
    """Some images of a shard whose files are on this machine.

    Attributes
    ----------
    samples : in order
    errors : why the file of an image is not there
    """

    samples: list[Sample]
    errors: dict[Path, str]

    def named(self, item: ScoredImage) -> ScoredImage:
        """Return a scored image whose error names it by where it lies, not by where it was copied to."""
        if not item.error:
            return item
        places = {s.path: s.place for s in self.samples if isinstance(s, RemoteSample)}
        place = places.get(item.path)
        if place is None:
            return item
        return replace(item, error=item.error.replace(str(item.path), str(place)))


def sample_of(place: RemotePath, name: str) -> RemoteSample:
    """Return the sample of an image in a store."""
    return RemoteSample(Path(str(place)), Label.UNLABELED, None, "", None, None, name, place=place)


def look_up_all(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the samples with what stores say of them.

    Raises
    ------
    DataError : there are no credentials; or a store answers for none of the first `N_AT_ONCE` images, so that
        all would become errors, one slow question after the other.
    """
    if not any(isinstance(sample, RemoteSample) for sample in samples):
        return samples
    from defectory.remote.copies import N_AT_ONCE

    looked_up: list[Sample] = []
    n_silent = 0
    for sample, silence in map_ordered(_look_up, samples, N_AT_ONCE):
        looked_up.append(sample)
        n_silent += silence is not None
        if silence is not None and n_silent == len(looked_up) == N_AT_ONCE:
            raise DataError(f"{silence}; no image could be asked for so far") from silence
    return looked_up


@contextmanager
def at_hand(samples: Sequence[Sample], n: int) -> Iterator[Iterator[Part]]:
    """Give parts of n images; those in stores are fetched while parts before them are judged.

    A file is there until the next part is asked for.
    """
    remote = [sample.place for sample in samples if _is_fetched(sample)]
    if not remote:
        yield _parts(samples, n, iter(()))
        return
    from defectory.remote.reading_ahead import fetched_ahead

    with fetched_ahead(remote) as files:
        yield _parts(samples, n, files)


def _parts(
    samples: Sequence[Sample], n: int, files: Iterator[tuple[Path, OSError | None]]
) -> Iterator[Part]:
    for start in range(0, len(samples), n):
        part = Part([], {})
        copies: list[Path] = []
        for sample in samples[start : start + n]:
            if _is_fetched(sample):
                file, error = next(files)
                copies.append(file)
                if error is not None:
                    part.errors[file] = _explain(sample.place, error)
                sample = replace(sample, path=file)
            elif isinstance(sample, RemoteSample):
                part.errors[sample.path] = f"cannot read {sample.place}: it is too large"
            part.samples.append(sample)
        yield part
        for file in copies:
            file.unlink(missing_ok=True)


def _is_fetched(sample: Sample) -> TypeGuard[RemoteSample]:
    return isinstance(sample, RemoteSample) and sample.n_bytes <= MAX_FILE_BYTES


def _look_up(sample: Sample) -> tuple[Sample, ImageReadError | None]:
    """Return a sample with what its store says, or why the store says nothing."""
    if not isinstance(sample, RemoteSample):
        return sample, None
    try:
        found = sample.place.look_up()
    except OSError as error:
        text = _explain(sample.place, error)
        is_answer = isinstance(error, FileNotFoundError | PermissionError)
        return sample, None if is_answer else ImageReadError(text)
    return replace(sample, version=found.version, n_bytes=found.n_bytes or 0), None


def _explain(place: RemotePath, error: OSError) -> str:
    """Return why an image cannot be read; where that is true of all, DataError or OutputError is the end."""
    text = f"cannot read {place}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise OutputError(f"{text}; DEFECTORY_CACHE names another folder for copies") from error
    if error.strerror == NO_CREDENTIALS:
        raise DataError(text) from error
    return text
