"""An object or folder of a store, spelled and read as `pathlib.Path` spells and reads files.

universal_pathlib was weighed: its paths pass for `Path` until Pillow, SQLite or the system opens one, and
have no retries, no listing page by page, and no messages without secrets.
"""

import errno
import fnmatch
import io
import posixpath
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO, TypeAlias

from defectory.remote.addresses import Address, is_address
from defectory.remote.retries import ask
from defectory.remote.stores import Found, look_up, store_of, walk

__all__ = ["Place", "RemotePath", "is_address"]


class RemotePath:
    """Something in a store. Methods raise OSError as those of `Path` do, after retries.

    Parameters
    ----------
    address : or its text; ParameterError where the scheme is unknown
    """

    def __init__(self, address: Address | str) -> None:
        self.address = Address.parse(address) if isinstance(address, str) else address

    def __str__(self) -> str:
        return str(self.address)

    def __repr__(self) -> str:
        return f"RemotePath({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePath) and self.address == other.address

    def __hash__(self) -> int:
        return hash(self.address)

    def __truediv__(self, name: str) -> "RemotePath":
        return RemotePath(self.address.below(name))

    @property
    def name(self) -> str:
        """Last part of the path."""
        return self.address.place.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """Ending of the name."""
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "RemotePath":
        """The folder that it lies in; a bucket lies in itself."""
        return self / ("." if "/" not in self.address.place else "..")

    def with_suffix(self, suffix: str) -> "RemotePath":
        """Return the address with another ending."""
        return self.parent / PurePosixPath(self.name).with_suffix(suffix).name

    def name_below(self, folder: "RemotePath") -> str | None:
        """Return the name relative to a folder; None where it does not lie there."""
        above = f"{folder}/"
        return str(self).removeprefix(above) if str(self).startswith(above) else None

    def look_up(self) -> Found:
        """Return what the store says of it."""
        return look_up(self.address)

    def is_dir(self) -> bool:
        """Return whether it is a folder; on a web server, whether the address ends in a slash."""
        if self.address.scheme.startswith("http"):
            return self.address.full.partition("?")[0].endswith("/")
        return self.look_up().is_folder

    def exists(self) -> bool:
        """Return whether something is there; other errors than that come as they are."""
        try:
            self.look_up()
        except FileNotFoundError:
            return False
        return True

    def read_bytes(self) -> bytes:
        """Return the content."""
        store, path = store_of(self.address)
        return bytes(ask(self.address, lambda: store.cat_file(path)))

    def open_copy(self) -> BinaryIO:
        """Return the content as a file in memory."""
        return io.BytesIO(self.read_bytes())

    def fetch(self, file: Path) -> None:
        """Write the content into a file on this machine."""
        store, path = store_of(self.address)
        ask(self.address, lambda: store.get_file(path, str(file)))

    def check_writable(self) -> None:
        """Raise OSError where nothing can be written, as far as that is seen without writing."""
        if self.address.scheme.startswith("http"):
            raise OSError(errno.EROFS, "a web server is only read from", str(self))
        bucket = self / ("../" * self.address.place.count("/"))
        with suppress(PermissionError):  # who may write need not see the bucket
            bucket.look_up()

    def put(self, file: Path) -> None:
        """Take the content of a file on this machine, as one object, whole or not at all."""
        store, path = store_of(self.address)
        ask(self.address, lambda: store.put_file(str(file), path))

    @contextmanager
    def written(self) -> Iterator[Path]:
        """Give a temporary file whose content becomes the object, on success."""
        with tempfile.TemporaryDirectory(prefix="defectory-") as folder:
            part = Path(folder) / posixpath.basename(self.name)
            yield part
            self.put(part)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        store, path = store_of(self.address)
        try:
            ask(self.address, lambda: store.rm_file(path))
        except FileNotFoundError:
            if not missing_ok:
                raise

    def walk(self) -> Iterator[tuple[str, Found]]:
        """Yield name and state of each object below it, in the order of the store."""
        return walk(self.address)

    def iterdir(self) -> Iterator["RemotePath"]:
        """Yield the objects that lie in it, not those of folders in it; none where it is not there."""
        with suppress(FileNotFoundError):
            for name, _ in self.walk():
                if "/" not in name:
                    yield self / name

    def glob(self, pattern: str) -> Iterator["RemotePath"]:
        """Yield the objects that lie in it and are named so."""
        return (path for path in self.iterdir() if fnmatch.fnmatch(path.name, pattern))


Place: TypeAlias = Path | RemotePath
"""On this machine or in a store."""
