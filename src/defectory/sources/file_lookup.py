"""The file that a cell of a manifest means, found as people write names."""

import re
from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path

from defectory.domain import DataError, ParameterError
from defectory.sources.files import find_files, is_image_name
from defectory.sources.folder_files import is_mask_folder
from defectory.sources.tables import legible
from defectory.storage import folded_name

_DRIVE = re.compile(r"^[A-Za-z]:")
_N_NAMED = 3

_Parts = tuple[str, ...]


class FileLookup:
    """Finds files below a folder by what a manifest says of them.

    A path is taken as it is where there is such a file, relative to the folder or absolute. Else
    backslashes count as slashes; a file is found whose path below the folder ends as the name does, or
    that ends the name (another machine's path), whatever the case and the composition of Unicode letters,
    with or without its ending; but only where there is just one. An address means the copy that was
    fetched of it.

    Parameters
    ----------
    root : folder of the manifest
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._how: Counter[str] = Counter()

    def find(self, cell: str, *, is_mask: bool = False) -> tuple[Path, str] | str:
        """Return a file and its name, or what is wrong with the cell."""
        for name, how in spellings(cell):
            if is_file(self._root / name):
                self._how[how] += 1
                return self._root / name, Path(name).as_posix()
        if "://" in cell:
            return self._find_copy(cell.strip("\"' "))
        written = _parts(legible(cell))
        index = self._masks if is_mask else self._images
        found = _matches(written, index)
        if len(found) == 1:
            self._how["by their name, below the manifest's folder"] += 1
            return self._root.joinpath(*found[0]), "/".join(found[0])
        if found:
            listed = ", ".join("/".join(parts) for parts in found[:_N_NAMED])
            more = " and others" if len(found) > _N_NAMED else ""
            return f"there are {len(found)} such files ({listed}{more}); write its folder, too"
        return f"no such file beside the manifest, in {self._root}"

    def _find_copy(self, cell: str) -> tuple[Path, str] | str:
        """Return the copy of an object; who reads addresses has fetched them before."""
        from defectory.remote import RemotePath
        from defectory.remote.copies import address_of, place_of

        try:
            path = RemotePath(cell)
        except ParameterError as error:
            return str(error)
        place = place_of(path)
        if place is None or not is_file(place):
            return "no such object, or no copy of it here"
        root = address_of(self._root)
        below = None if root is None else path.name_below(RemotePath(root))
        return place, below or str(path)

    def notes(self) -> list[str]:
        """Return how files were found that are not where the manifest says."""
        return [f"{n} files found {how}" for how, n in self._how.items() if how]

    @cached_property
    def _all(self) -> list[_Parts]:
        try:
            found = find_files(self._root).images
        except DataError:  # a folder that may not be entered
            return []
        return [path.relative_to(self._root).parts for path in found]

    @cached_property
    def _images(self) -> "_Index":
        return _Index([p for p in self._all if not any(map(is_mask_folder, p[:-1]))])

    @cached_property
    def _masks(self) -> "_Index":
        masks = [p for p in self._all if any(map(is_mask_folder, p[:-1]))]
        return _Index(masks or self._all)


class _Index:
    """Files by their folded names, with and without ending."""

    def __init__(self, files: list[_Parts]) -> None:
        self.by_name: dict[str, list[_Parts]] = defaultdict(list)
        self.by_stem: dict[str, list[_Parts]] = defaultdict(list)
        for parts in files:
            name = folded_name(parts[-1])
            self.by_name[name].append(parts)
            self.by_stem[name.rpartition(".")[0]].append(parts)


def _matches(written: _Parts, index: _Index) -> list[_Parts]:
    if not written:
        return []
    last = folded_name(written[-1])
    above = tuple(map(folded_name, written[:-1]))
    found = [p for p in index.by_name.get(last, ()) if _agree(above, p[:-1])]
    if not found and not is_image_name(Path(last)):
        found = [p for p in index.by_stem.get(last, ()) if _agree(above, p[:-1])]
    exact = [p for p in found if p[-1] == written[-1]]
    return exact if len(exact) == 1 else found


def _agree(written: _Parts, real: _Parts) -> bool:
    """Whether the folders of two paths agree as far as both say any."""
    n = min(len(written), len(real))
    return n == 0 or written[-n:] == tuple(map(folded_name, real[-n:]))


def spellings(cell: str) -> list[tuple[str, str]]:
    """Return the names that a cell may stand for, and how each is found; "" is as written."""
    clean = legible(cell).strip().strip("\"'")
    spelled = [(cell, ""), (legible(cell), ""), (clean, "")]
    if "\\" in clean:
        spelled.append((clean.replace("\\", "/"), "with slashes for backslashes"))
    return [(name, how) for name, how in spelled if name.strip("./\\ ") or name == cell]


def _parts(written: str) -> _Parts:
    plain = _DRIVE.sub("", written.strip().strip("\"'").replace("\\", "/"))
    return tuple(part for part in plain.split("/") if part not in ("", "."))


def is_file(path: Path) -> bool:
    """Return whether a file is there; False for names that no system takes."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long a name, a zero byte
        return False
