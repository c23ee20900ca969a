"""The file that a bundle is: members of a ZIP archive one behind the other, and nothing else."""

import os
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from defectory.domain import BundleError

MAX_BUNDLE_BYTES = 2**31 - 2**16
"""Beyond it an archive would be of another format (zip64)."""

_HEADER = struct.Struct("<4s5H3I2H")  # of a member, before its name
_END_BYTES = 22


def read_archive(
    path: Path, names: frozenset[str], optional: frozenset[str], limits: Mapping[str, int]
) -> dict[str, bytes]:
    """Return name -> content of the members.

    The file is opened once: what is checked is what is read.

    Parameters
    ----------
    names, optional : what it must hold, and may
    limits : bytes that a member may have, by name

    Raises
    ------
    BundleError : it is no regular file, or not an archive of these members, stored as they are, without gaps,
        comments, or bytes before or behind.
    """
    with open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_members(archive.infolist(), names, optional, limits)
                _check_places(file, archive)
                return {name: archive.read(name) for name in archive.namelist()}
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, struct.error,
                UnicodeDecodeError, OverflowError) as error:  # fmt: skip
            raise BundleError(
                f"this is no bundle, or it was cut off or damaged ({error})"
            ) from error
        except OSError as error:
            raise BundleError(f"cannot be read: {error.strerror or error}") from error


def read_first_member(path: Path, name: str, limit: int) -> bytes | None:
    """Return the first member where it has that name, is stored as it is and within the limit; else None."""
    try:
        with open_file(path) as file:
            header = _HEADER.unpack(file.read(_HEADER.size))
            signature, method, size, n_name, n_extra = (header[i] for i in (0, 3, 7, 9, 10))
            found = file.read(n_name)
            if signature != b"PK\3\4" or found != name.encode() or method or size > limit:
                return None
            file.seek(n_extra, os.SEEK_CUR)
            return file.read(size)
    except (BundleError, OSError, struct.error):
        return None


def write_archive(path: Path, members: Mapping[str, bytes]) -> None:
    """Write the members, OSError as it comes; the same members give the same bytes.

    Raises
    ------
    BundleError : it would be larger than a bundle may be.
    """
    if sum(map(len, members.values())) > MAX_BUNDLE_BYTES - 2**16:
        raise BundleError(
            f"the bundle would be larger than {MAX_BUNDLE_BYTES >> 20} MB: fit with a smaller size"
        )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            # a fixed date: the same state gives the same bytes
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file; BundleError for anything else. A pipe or device is not waited for."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "no file"
            raise BundleError(f"this is {what}; give a bundle that `defectory fit` wrote")
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(path, flags), "rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise BundleError(
            "there is no such file; give a bundle that `defectory fit` wrote"
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise BundleError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    with file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise BundleError("this is no file; give a bundle that `defectory fit` wrote")
        if found.st_size > MAX_BUNDLE_BYTES:
            raise BundleError("it is larger than any bundle may be")
        yield file


def _check_members(
    members: list[zipfile.ZipInfo],
    names: frozenset[str],
    optional: frozenset[str],
    limits: Mapping[str, int],
) -> None:
    """Refuse anything but these members, before a byte of them is read."""
    found = sorted(member.filename for member in members)
    if not names <= set(found) <= names | optional or len(set(found)) != len(found):
        raise BundleError(f"this is no bundle: it holds {found[:5]}, not {sorted(names)}")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise BundleError(f"{member.filename} is compressed; bundles never are")
        if member.file_size > limits.get(member.filename, MAX_BUNDLE_BYTES):
            raise BundleError(f"{member.filename} is larger than that of any bundle may be")


def _check_places(file: BinaryIO, archive: zipfile.ZipFile) -> None:
    """Refuse gaps, overlaps and bytes that belong to no member: another reader may see another bundle."""
    place = 0
    for member in archive.infolist():
        file.seek(place)
        header = _HEADER.unpack(file.read(_HEADER.size))
        name = file.read(header[9])
        agrees = (
            member.header_offset == place
            and header[0] == b"PK\3\4"
            and name == member.filename.encode()
            and header[3] == zipfile.ZIP_STORED
            and header[6:9] == (member.CRC, member.file_size, member.file_size)
            and header[10] == 0
        )
        if not agrees:
            raise BundleError("this is no bundle: its members do not lie one behind the other")
        place += _HEADER.size + len(name) + member.file_size
    directory = sum(46 + len(member.filename.encode()) for member in archive.infolist())
    end = file.seek(0, os.SEEK_END)
    if archive.comment or archive.start_dir != place or end != place + directory + _END_BYTES:
        raise BundleError("this is no bundle: there are bytes that belong to none of its members")
