"""The images of one shard, in the order of their keys, out of a list of any length."""

import posixpath
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Self

from defectory.domain import Label, ManifestError
from defectory.remote import Place, RemotePath
from defectory.sources import Sample
from defectory.sources.listing import Listing
from defectory.workflows.shards.disk_sorting import DiskSorter
from defectory.workflows.shards.membership import Shard, hash_of, image_key
from defectory.workflows.shards.remote_images import sample_of

_HASH_BITS = 128


class Members:
    """The images of a shard; they wait on disk.

    Attributes
    ----------
    n_listed, listing : names in the whole list, and the sum of their hashes: any order gives the same
    n_own : names of this shard; repeated ones count
    """

    def __init__(self, listing: Listing, shard: Shard) -> None:
        self._images = listing
        self._shard = shard
        self._sum = 0
        self.n_listed = 0

    def __enter__(self) -> Self:
        self._sorter = DiskSorter().__enter__()
        try:
            self.n_own = self._sorter.add(self._own())
        except BaseException:
            self._sorter.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sorter.__exit__(kind, error, trace)

    @property
    def listing(self) -> str:
        """Hex digits."""
        return f"{self._sum:032x}"

    def chunks(self, n: int) -> Iterator[list[Sample]]:
        """Yield lists of n images, the last one shorter; each image once."""
        samples = self._samples()
        while chunk := list(islice(samples, n)):
            yield chunk

    def _own(self) -> Iterator[tuple[bytes, bytes]]:
        for name in self._images.names():
            key = image_key(self._images.plain(name))
            number = hash_of(key)
            self.n_listed += 1
            self._sum = (self._sum + number) % 2**_HASH_BITS
            if number % self._shard.n == self._shard.index:
                yield key, name.encode("utf-8", "surrogatepass")

    def _samples(self) -> Iterator[Sample]:
        last, seen = b"", dict[str, Place]()
        for key, written in self._sorter.records():
            path, name = self._images.find(written.decode("utf-8", "surrogatepass"))
            if key != last:
                last, seen = key, {}
            plain = posixpath.normpath(name)
            if plain not in seen:
                seen[plain] = path
                if isinstance(path, RemotePath):
                    yield sample_of(path, name)
                else:
                    yield Sample(path, Label.UNLABELED, None, "", None, None, name)
            else:
                _refuse_namesakes(seen[plain], path)


def _refuse_namesakes(one: Place, other: Place) -> None:
    """Images with one name may have two addresses: queries are cut from names, and may mean anything."""
    full = {path.address.full for path in (one, other) if isinstance(path, RemotePath)}
    if len(full) > 1:
        raise ManifestError(
            f"{one} is listed with two queries; images are known by what is before the question mark"
        )
