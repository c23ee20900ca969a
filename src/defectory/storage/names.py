"""Names of files that come from names of images, which may be anything: a path upwards, bytes, a device.

What is written for an image lies below our own folder, under a name that every file system takes and that
no other image has. Usual names stay as they are.
"""

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

REVIEW_DATABASE = "review.sqlite"
"""In the folder of a review, which is no folder of images though it holds previews of them."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\\ud800-\udfff]')
# Windows takes these for devices, with any extension
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
# bytes: file systems allow 255 a name (143 where names are encrypted), Windows about 250 characters a path
_MAX_NAME_BYTES = 120
_MAX_PATH_BYTES = 180


def safe_names(names: Iterable[str], suffix: str = "") -> list[str]:
    """Return a relative path with forward slashes for each name, in order.

    Parameters
    ----------
    names : of images: relative or absolute paths, with what surrogates stand for bytes that are no UTF-8
    suffix : appended to each

    Returns
    -------
    Valid UTF-8 below one folder: no `..`, drive, device or control character, at most 180 bytes and the
    suffix; distinct where case and Unicode composition do not count, and no file where another has a folder.
    A name depends only on those before it. One that had to change ends in `~` and a part of its hash.
    """
    taken = _Taken()
    return [taken.add(name, suffix) for name in names]


def readable_name(name: str) -> str:
    r"""Return the name as valid Unicode: a byte that is no UTF-8 reads `\xe9`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Taken:
    """The files and folders that names so far have taken."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def add(self, name: str, suffix: str) -> str:
        safe = next(one for one in _candidates(name) if self._is_free(one + suffix)) + suffix
        path = PurePosixPath(folded_name(safe))
        self._files.add(str(path))
        self._folders.update(map(str, path.parents))
        return safe

    def _is_free(self, safe: str) -> bool:
        path = PurePosixPath(folded_name(safe))
        if str(path) in self._folders:
            return False
        return not any(str(each) in self._files for each in (path, *path.parents))


def folded_name(name: str) -> str:
    """Return what a name has in common with those that differ in case or Unicode composition only."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _candidates(name: str) -> Iterator[str]:
    """Yield names for a name, the one that is nearest to it first; there is no end of them."""
    parts = name.split("/")
    safe = [kept for part in parts if (kept := _safe_part(part))] or ["image"]
    if safe == parts and len(name.encode()) <= _MAX_PATH_BYTES:
        yield name
    mark = _hash(name)
    path = "/".join(safe)
    if len(path.encode()) < _MAX_PATH_BYTES:
        yield f"{path}~{mark}"
    # at the top: a folder above may be a file of another image
    yield f"{safe[-1]}~{mark}"
    for n in itertools.count(2):  # somebody named a file like a hash
        yield f"{safe[-1]}~{_hash(f'{name}/{n}')}"


def _safe_part(part: str) -> str:
    """Return one part of a path as every file system takes it; "" for one that leads elsewhere."""
    part = _FORBIDDEN.sub("_", part).encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
    if not part.strip(". "):
        return ""
    if part[-1] in ". ":
        part = part[:-1] + "_"
    return f"_{part}" if _DEVICES.fullmatch(part) else part


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
