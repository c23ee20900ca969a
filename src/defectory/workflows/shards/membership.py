"""Which shard an image belongs to: its name decides, whatever the order, the machine and the clock."""

import hashlib
import posixpath
import re
from dataclasses import dataclass

from defectory.domain import ParameterError
from defectory.sources.tables import legible

_AROUND = re.compile(r"""^[\s"']+|[\s"']+$""")


@dataclass(frozen=True)
class Shard:
    """One of several parts of a collection.

    Attributes
    ----------
    index : 0 to n - 1
    n : >= 1, how many there are
    """

    index: int
    n: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.n:
            of = f"of {self.n} shards the first is 0/{self.n}, the last {self.n - 1}/{self.n}"
            raise ParameterError(f"there is no shard {self}; {of if self.n > 0 else 'give 0/1'}")

    def __str__(self) -> str:
        return f"{self.index}/{self.n}"

    @property
    def folder_name(self) -> str:
        """Name of its folder."""
        return f"shard-{self.index:04}-of-{self.n:04}"

    def holds(self, key: bytes) -> bool:
        """Return whether the image of this key belongs to it."""
        return hash_of(key) % self.n == self.index


def all_shards(n: int) -> list[Shard]:
    """Return the n parts of a collection."""
    return [Shard(index, n) for index in range(n)]


def image_key(name: str) -> bytes:
    """Return what tells an image from others: its name, however a manifest spells it.

    Parameters
    ----------
    name : as written in a manifest, or as found; the key of both is the same
    """
    plain = _AROUND.sub("", legible(name)).replace("\\", "/")
    return posixpath.normpath(plain).encode("utf-8", "surrogatepass")


def hash_of(key: bytes) -> int:
    """Return 128 bits of the key's hash."""
    return int.from_bytes(hashlib.blake2b(key, digest_size=16).digest(), "big")
