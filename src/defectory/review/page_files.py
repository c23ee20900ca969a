"""The files of the page itself: known by name, so that no path of a request ever reaches the disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True)
class PageFile:
    """One file as it is sent; etag names its content."""

    content: bytes
    media_type: str
    etag: str


class PageFiles:
    """A folder of files that a browser loads.

    Parameters
    ----------
    folder : whose files are listed at each request: names are compared with the list, never joined to a path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def in_package(cls) -> "PageFiles":
        """Return the files that come with this package."""
        return cls(Path(__file__).parent / "page")

    def get(self, name: str) -> PageFile | None:
        """Return a file by its name under the folder; None where it has no such one."""
        path = self._listed().get(name)
        if path is None:
            return None
        content = path.read_bytes()
        etag = hashlib.sha256(content).hexdigest()[:32]
        return PageFile(content, _MEDIA_TYPES[path.suffix], etag)

    def _listed(self) -> dict[str, Path]:
        return {
            path.relative_to(self._folder).as_posix(): path
            for path in self._folder.rglob("*")
            if path.suffix in _MEDIA_TYPES and path.is_file() and not path.is_symlink()
        }
