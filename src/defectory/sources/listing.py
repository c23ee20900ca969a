"""The images of a folder or manifest of any length, listed one by one: no list is held in memory."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from defectory.domain import DataError, ManifestError, ParameterError
from defectory.remote import Place, RemotePath, is_address
from defectory.sources.columns import find_columns
from defectory.sources.file_lookup import is_file, spellings
from defectory.sources.files import find_manifest_layout, is_image_name, is_left_alone, walk_files
from defectory.sources.folder_files import is_mask_folder
from defectory.sources.layouts import find_file_layout, read_images
from defectory.sources.manifests import no_image_column
from defectory.sources.parquet_files import opened_parquet
from defectory.sources.tables import (
    UNDECODABLE,
    as_cell,
    find_delimiter,
    find_utf16,
    legible,
    parse_json,
    read_header,
    read_text,
    take_separator_line,
)

_HEAD_BYTES = 2**16
_BATCH_ROWS = 8192

_Cell = tuple[int, str]
"""A line, and what its column of images says."""


@dataclass(frozen=True)
class Listing:
    """Images that are there to be listed.

    Attributes
    ----------
    root : the folder that names are relative to, here or in a store
    names : gives the names, as a folder has them or a manifest writes them, in any order; some may come twice
    is_manifest : whether names are written by people
    """

    root: Place
    names: Callable[[], Iterator[str]]
    is_manifest: bool = True

    def find(self, name: str) -> tuple[Place, str]:
        """Return the file that a name means, and its plain name; the file may be missing.

        A manifest's cell may be quoted, in Windows-1252 or with backslashes, or an address. Files are not
        searched for.
        """
        if isinstance(self.root, RemotePath) or "://" in name:
            found = self._find_remote(name)
            if found is not None:
                return found
        assert isinstance(self.root, Path)
        for spelled, _ in spellings(name):
            if is_file(self.root / spelled):
                return self.root / spelled, Path(spelled).as_posix()
        return self.root / name, Path(name).as_posix()

    def plain(self, name: str) -> str:
        """Return what of a name tells images apart: all of it, but for the query of an address."""
        if isinstance(self.root, RemotePath) or "://" in name:
            found = self._find_remote(name)
            return name if found is None else found[1]
        return name

    def _find_remote(self, name: str) -> tuple[RemotePath, str] | None:
        clean = spellings(name)[-1][0] if self.is_manifest else name
        if self.is_manifest and is_address(clean):
            try:
                path = RemotePath(clean)
            except ParameterError as error:
                raise ManifestError(f"{name}: {error}") from error
        elif isinstance(self.root, RemotePath):
            path = self.root / clean
        else:
            return None
        below = path.name_below(self.root) if isinstance(self.root, RemotePath) else None
        return path, below or str(path)


def list_images(path: Place) -> Listing:
    """Return the images of a folder, a manifest or one file; those of `read_images`, whatever their number.

    A manifest in a store is copied first.

    Raises
    ------
    DataError : there is no such file or folder, or it is neither image nor manifest.
    ManifestError : it is a workbook.

    Notes
    -----
    The names raise DataError where a folder may not be entered, ManifestError at the first problem of a
    manifest, MissingExtraError where it is Parquet and the extra `parquet` is missing.
    """
    if isinstance(path, RemotePath):
        return _list_remote(path)
    if path.is_dir():
        return Listing(path, lambda: _names_in(path))
    if not path.is_file():
        raise DataError(f"no such file or folder: {path}")
    layout = find_file_layout(path)
    if layout == "file":
        return Listing(path.parent, lambda: iter([path.name]))
    return Listing(path.parent, lambda: _names_of(path, _CELLS[layout](path)))


def first_names(manifest: Path, n: int) -> list[str]:
    """Return the first n cells of a manifest that name images; ManifestError, MissingExtraError."""
    cells = _CELLS[find_manifest_layout(manifest)](manifest)
    return [cell for _, cell in islice(cells, n)]


def _list_remote(path: RemotePath) -> Listing:
    from defectory.remote.copies import fetch_copy

    try:
        is_folder = path.is_dir()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    if is_folder:
        return Listing(path, lambda: _names_in_store(path), is_manifest=False)
    layout = find_file_layout(Path(path.name))
    if layout == "file":
        return Listing(path.parent, lambda: iter([path.name]))
    copy = fetch_copy(path)
    return Listing(path.parent, lambda: _names_of(copy, _CELLS[layout](copy)))


def _names_in_store(folder: RemotePath) -> Iterator[str]:
    n_found = 0
    try:
        for name, _ in folder.walk():
            if is_image_below(name):
                n_found += 1
                yield name
    except OSError as error:
        raise DataError(f"cannot look into {folder}: {error.strerror or error}") from error
    if not n_found:
        raise DataError(f"there are no images in {folder}")


def is_image_below(name: str) -> bool:
    """Return whether a file of this name is an image that a folder is read for."""
    *folders, last = name.split("/")
    return (
        is_image_name(Path(last))
        and not any(map(is_left_alone, (*folders, last)))
        and not any(map(is_mask_folder, folders))
    )


def _names_in(folder: Path) -> Iterator[str]:
    n_found = 0
    for path in walk_files(folder, skip=is_mask_folder):
        if is_image_name(path):
            n_found += 1
            yield path.relative_to(folder).as_posix()
    if not n_found:
        read_images(folder)  # says what is there instead


def _names_of(manifest: Path, cells: Iterable[_Cell]) -> Iterator[str]:
    n_found = 0
    for line, cell in cells:
        if not cell.strip():
            raise ManifestError(f"{manifest}, line {line}: expected an image file, and it is empty")
        n_found += 1
        yield cell
    if not n_found:
        raise DataError(f"the manifest lists no images: {manifest}")


def _csv_cells(path: Path) -> Iterator[_Cell]:
    head, encoding = _read_head(path)
    text, delimiter, skipped = take_separator_line(head)
    with path.open(encoding=encoding, errors=_errors(encoding), newline="") as file:
        for _ in range(skipped):
            file.readline()
        rows = csv.reader(file, delimiter=delimiter or find_delimiter(text), strict=True)
        line = 1
        try:
            problems: list[str] = []
            columns = read_header(next(rows, []), problems)
            at = columns.index(_image_column(path, "csv", columns, problems))
            line = rows.line_num + 1
            for cells in rows:
                here, line = line + skipped, rows.line_num + 1
                if not any(cell.strip() for cell in cells):
                    continue
                if any(cell.strip() for cell in cells[len(columns) :]):
                    raise ManifestError(
                        f"{path}, line {here}: {len(cells)} values for {len(columns)} columns"
                    )
                yield here, cells[at] if at < len(cells) else ""
        except csv.Error as error:
            raise ManifestError(f"{path}, line {line + skipped}: not CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise _no_utf16(path) from error


def _json_cells(path: Path) -> Iterator[_Cell]:
    head, encoding = _read_head(path)
    if head.lstrip().startswith("["):  # one list is one value, and cannot be read in parts
        table = parse_json(read_text(path)[0])
        column = _image_column(path, "jsonl", table.columns, table.problems)
        yield from ((line, row.get(column, "")) for line, row in table.rows)
        return
    with path.open(encoding=encoding, errors=_errors(encoding), newline="\n") as file:
        try:
            objects = _objects(path, file)
            first = next(objects, None)
            if first is None:
                return
            column = _image_column(path, "jsonl", [*first[1]], [])
            for line, row in chain([first], objects):
                yield line, as_cell(row.get(column))
        except UnicodeDecodeError as error:
            raise _no_utf16(path) from error


def _objects(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ManifestError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(value, dict):
            raise ManifestError(f'{path}, line {number}: expected an object like {{"path": ...}}')
        yield number, value


def _parquet_cells(path: Path) -> Iterator[_Cell]:
    number = 0
    with opened_parquet(path) as file:
        column = _image_column(path, "parquet", list(file.schema_arrow.names), [])
        for batch in file.iter_batches(_BATCH_ROWS, columns=[column]):
            for value in batch.column(0).to_pylist():
                number += 1
                yield number, as_cell(value)


_CELLS: dict[str, Callable[[Path], Iterator[_Cell]]] = {
    "csv": _csv_cells,
    "jsonl": _json_cells,
    "parquet": _parquet_cells,
}


def _image_column(path: Path, layout: str, columns: list[str], problems: list[str]) -> str:
    found = find_columns([legible(name) for name in columns]).image
    if found is None and not problems:
        problems = [no_image_column(columns, layout)]
    if found is None or problems:
        raise ManifestError(f"{path}, {problems[0]}")
    return next(name for name in columns if legible(name) == found)


def _read_head(path: Path) -> tuple[str, str]:
    """Return the beginning of a text, and its encoding."""
    try:
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ManifestError(f"cannot read {path}: {error.strerror or error}") from error
    encoding = find_utf16(data) or "utf-8-sig"
    return data.decode(encoding, "ignore").removeprefix("\ufeff"), encoding


def _errors(encoding: str) -> str:
    return UNDECODABLE if encoding == "utf-8-sig" else "strict"


def _no_utf16(path: Path) -> ManifestError:
    return ManifestError(f"{path} is damaged: it begins as UTF-16 but is none")
