"""CSV and JSON text, as Excel and scripts write it, and Parquet -> rows of cells, saying what was assumed."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from defectory.domain import ManifestError
from defectory.sources.columns import find_columns

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MAX_BYTES = 256 * 2**20
"""Larger manifests are refused."""

_MAX_COLUMNS = 1000
UNDECODABLE = "surrogateescape"  # file names need not be valid text

Row = dict[str, str]


@dataclass
class Table:
    """Rows of a manifest.

    Attributes
    ----------
    columns : names as written, in order
    rows : (line, column -> cell) in order; blank rows are left out
    notes : what was assumed of the file
    problems : what is wrong with it, each beginning with its line
    """

    columns: list[str] = field(default_factory=list)
    rows: list[tuple[int, Row]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_text(path: Path) -> tuple[str, list[str]]:
    """Return the text of a manifest, and what was assumed of its encoding.

    Bytes that are no UTF-8 stand in it as lone surrogates: a file name may be right as it is;
    see `legible`.

    Raises
    ------
    ManifestError : it cannot be read, is too large, or is no text.
    """
    try:
        check_size(path)
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"cannot read {path}: {error.strerror or error}") from error
    encoding = find_utf16(data)
    if encoding is None:
        return data.decode("utf-8-sig", UNDECODABLE), []
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is damaged: it begins as UTF-16 but is none") from error
    return text, ["read as UTF-16"]


def legible(cell: str) -> str:
    """Return a cell with bytes that are no UTF-8 read as Windows-1252, as Excel writes them."""
    if cell.isascii() or not any("\udc80" <= c <= "\udcff" for c in cell):
        return cell
    try:
        data = cell.encode("utf-8", UNDECODABLE)
    except UnicodeEncodeError:  # half a character, from a JSON escape
        return cell
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:  # five bytes mean nothing there
        return data.decode("latin-1")


def parse_csv(text: str) -> Table:
    """Return the rows of a CSV text with a header line, whatever its delimiter."""
    table = Table()
    text, delimiter, skipped = take_separator_line(text)
    delimiter = delimiter or find_delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    n_short = 0
    line = 1
    try:
        header = next(reader, [])
        table.columns = read_header(header, table.problems)
        line = reader.line_num + 1
        for cells in reader:
            here, line = line + skipped, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            n = len(table.columns)
            if any(cell.strip() for cell in cells[n:]):
                table.problems.append(f"line {here}: {len(cells)} values for {n} columns")
                continue
            n_short += len(cells) < n
            padded = cells[:n] + [""] * (n - len(cells))
            table.rows.append((here, dict(zip(table.columns, padded, strict=True))))
    except csv.Error as error:
        table.problems.append(f"line {line + skipped}: not CSV: {error}")
    if delimiter != "," and len(table.columns) > 1:
        table.notes.append(f"read as columns parted by {DELIMITERS[delimiter]}")
    if n_short:
        table.notes.append(f"{n_short} rows have fewer values than columns; the rest is empty")
    return table


def parse_json(text: str) -> Table:
    """Return the rows of JSON lines, one object a line, or of one list of objects."""
    table = Table()
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            pass  # lines, perhaps
        else:
            for number, value in enumerate(values, start=1):
                _take_object(table, number, value)
            table.columns = _all_columns(table)
            table.notes.append("read as one list; a line in messages is a place in it")
            return table
    for line, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        try:
            value = json.loads(row)
        except json.JSONDecodeError as error:
            table.problems.append(f"line {line}: not JSON: {error.msg} (column {error.colno})")
        except (ValueError, RecursionError) as error:
            table.problems.append(f"line {line}: not JSON: {error}")
        else:
            _take_object(table, line, value)
    table.columns = _all_columns(table)
    return table


def parse_parquet(path: Path) -> Table:
    """Return the rows of a Parquet file; a line in messages is a row, the first is 1.

    Raises
    ------
    ManifestError : it cannot be read, is too large, or is no Parquet.
    MissingExtraError : the extra `parquet` is missing.
    """
    from defectory.sources.parquet_files import opened_parquet  # most manifests are text

    check_size(path)
    table = Table()
    with opened_parquet(path) as file:
        table.columns = list(file.schema_arrow.names)
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                _take_object(table, len(table.rows) + 1, row)
    return table


def check_size(path: Path) -> None:
    """Refuse a manifest that is too large to be held in memory; ManifestError."""
    if path.stat().st_size > MAX_BYTES:
        raise ManifestError(f"{path} has more than {MAX_BYTES // 2**20} MB; is it a manifest?")


def _take_object(table: Table, line: int, value: object) -> None:
    if not isinstance(value, dict):
        shown = repr(value)
        shown = shown if len(shown) <= 60 else f"{shown[:60]}..."
        table.problems.append(f'line {line}: expected an object like {{"path": ...}}, not {shown}')
        return
    table.rows.append((line, {column: as_cell(cell) for column, cell in value.items()}))


def as_cell(value: object) -> str:
    """Return a JSON value as text; what is no text or number becomes its JSON."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else json.dumps(value, default=str)


def _all_columns(table: Table) -> list[str]:
    return list(dict.fromkeys(column for _, row in table.rows for column in row))


def read_header(cells: Sequence[str], problems: list[str]) -> list[str]:
    """Return unique names; blank columns at the end are dropped. A known column may come only once."""
    names = [legible(cell).strip() for cell in cells[:_MAX_COLUMNS]]
    while names and not names[-1]:
        names.pop()
    unique: list[str] = []
    for at, name in enumerate(names, start=1):
        name = name or f"column {at}"
        if name in unique and find_columns([name]).n_known:
            problems.append(f"line 1: a column appears twice: {name}")
        unique.append(f"{name} ({at})" if name in unique else name)
    return unique


def take_separator_line(text: str) -> tuple[str, str | None, int]:
    """Return the text without Excel's line `sep=;`, the delimiter it names, and lines taken off."""
    first, line_end, rest = text.partition("\n")
    named = first.strip().strip('"').lower()
    if line_end and named.startswith("sep=") and named[4:] in DELIMITERS:
        return rest, named[4:], 1
    if line_end and first.strip("\r").lower() == "sep=\t":
        return rest, "\t", 1
    return text, None, 0


def find_delimiter(text: str) -> str:
    """Return the delimiter under which the header names the most columns that are known."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]

    def known(delimiter: str) -> tuple[bool, int, int]:
        try:
            names = next(csv.reader([header], delimiter=delimiter), [])
        except csv.Error:
            names = []
        columns = find_columns([legible(name) for name in names])
        return columns.image is not None, columns.n_known, len(names)

    return max(DELIMITERS, key=known)  # the first of equals: commas


def find_utf16(data: bytes) -> str | None:
    """Return the codec of UTF-16, with a mark or without; None for other text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    # without a mark: about every other byte of a header line is zero, and in other text none
    low, high = data[:200:2].count(0), data[1:200:2].count(0)
    if max(low, high) > len(data[:200]) // 5 and max(low, high) > 4 * min(low, high):
        return "utf-16-le" if high > low else "utf-16-be"
    return None
