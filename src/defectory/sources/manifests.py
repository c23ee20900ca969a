"""CSV and JSONL manifests <-> Dataset. Errors name file, line, column and value."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from defectory.domain import DataError, Label, ManifestError, OutputError
from defectory.sources.dataset import Dataset, Sample
from defectory.storage import FileKind, OutputFile, check_outputs, json_lines, write_outputs

COLUMNS = ("path", "label", "mask", "split", "group", "type")
"""Known columns; only `path` is required. Paths are relative to the manifest."""

_LABELS = {
    **dict.fromkeys(("normal", "good", "ok", "0"), Label.NORMAL),
    **dict.fromkeys(("anomalous", "defect", "bad", "ng", "1"), Label.ANOMALOUS),
    **dict.fromkeys(("unlabeled", "unlabelled", "", "-1"), Label.UNLABELED),
}
_SPLITS = {"train": "train", "val": "train", "validation": "train", "test": "test", "": ""}
_ENCODING_ERRORS = "surrogateescape"  # file names need not be valid text

_MAX_HEADER_BYTES = 1024

_Row = Mapping[str, str]


def read_csv(path: Path) -> Dataset:
    """Return the data set of a CSV manifest with a header line; see `read_dataset`."""
    return _dataset(path, "csv", _csv_rows(path))


def read_jsonl(path: Path) -> Dataset:
    """Return the data set of a JSONL manifest, one object a line; see `read_dataset`."""
    return _dataset(path, "jsonl", _jsonl_rows(path))


MANIFEST_READERS: dict[str, Callable[[Path], Dataset]] = {"csv": read_csv, "jsonl": read_jsonl}


def write_manifest(dataset: Dataset, path: Path | str, *, overwrite: bool = False) -> None:
    """Write a CSV or JSONL manifest, whole or not at all; reading it gives the same samples.

    Parameters
    ----------
    dataset : what to write
    path : a file that ends in .csv or .jsonl
        Paths are written relative to its folder, so names stay the same where that is the root.
    overwrite : a manifest of the form that we write may be replaced

    Raises
    ------
    OutputError : another extension; there is something already; or the file cannot be written.
    """
    path = Path(path)
    rows = [_row(sample, path.parent) for sample in dataset.samples]
    if path.suffix.lower() not in _WRITERS:
        raise OutputError(f"cannot write the manifest {path}: the name must end in .csv or .jsonl")
    write, kind = _WRITERS[path.suffix.lower()]
    outputs = [OutputFile(path, kind)]
    check_outputs(outputs, inputs=dataset.files(), overwrite=overwrite)
    with write_outputs(outputs, overwrite=overwrite) as (part,):
        write(rows, part)


def _row(sample: Sample, folder: Path) -> dict[str, str]:
    return {
        "path": _relative(sample.path, folder),
        "label": sample.label.name.lower(),
        "mask": _relative(sample.mask_path, folder) if sample.mask_path else "",
        "split": sample.split,
        "group": sample.group or "",
        "type": sample.defect_type or "",
    }


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()


def _write_csv(rows: Iterable[_Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors=_ENCODING_ERRORS, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _write_jsonl(rows: Iterable[_Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors=_ENCODING_ERRORS, newline="\n") as file:
        for row in rows:
            known = {column: value for column, value in row.items() if value}
            file.write(json.dumps(known) + "\n")


def _has_our_header(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(_MAX_HEADER_BYTES).strip() == ",".join(COLUMNS).encode()


_WRITERS: dict[str, tuple[Callable[[Iterable[_Row], Path], None], FileKind]] = {
    ".csv": (_write_csv, FileKind("a manifest", _has_our_header)),
    ".jsonl": (
        _write_jsonl,
        json_lines("a manifest", lambda row: "path" in row and set(row) <= set(COLUMNS)),
    ),
}


def _text(path: Path) -> str:
    try:
        # As bytes: reading as text would turn a carriage return inside a name into a new line.
        return path.read_bytes().decode("utf-8-sig", _ENCODING_ERRORS)
    except OSError as error:
        raise ManifestError(f"cannot read {path}: {error.strerror or error}") from error


def _csv_rows(path: Path) -> Iterator[tuple[int, _Row]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        columns = [name.strip().lower() for name in next(reader, [])]
        _check_columns(columns, f"{path}, line 1")
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) != len(columns):
                    raise ManifestError(
                        f"{path}, line {line}: {len(cells)} values for {len(columns)} columns"
                    )
                yield line, dict(zip(columns, cells, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ManifestError(f"{path}, line {reader.line_num}: not CSV: {error}") from error


def _jsonl_rows(path: Path) -> Iterator[tuple[int, _Row]]:
    for line, text in enumerate(_text(path).split("\n"), start=1):
        if not text.strip():
            continue
        where = f"{path}, line {line}"
        try:
            row = json.loads(text)
        except json.JSONDecodeError as error:
            raise ManifestError(f"{where}: not JSON: {error.msg} (column {error.colno})") from error
        if not isinstance(row, dict):
            raise ManifestError(f'{where}: expected an object like {{"path": ...}}, not {text!r}')
        _check_columns(list(row), where)
        yield line, {column: _cell(value, column, where) for column, value in row.items()}


def _cell(value: object, column: str, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _bad_value(where, column, value, "expected text")
    return str(value)


def _check_columns(columns: list[str], where: str) -> None:
    unknown = [column for column in columns if column not in COLUMNS]
    if unknown:
        raise ManifestError(
            f"{where}: unknown column {', '.join(map(repr, unknown))}; known: {', '.join(COLUMNS)}"
        )
    if "path" not in columns:
        raise ManifestError(f"{where}: no column 'path'; known: {', '.join(COLUMNS)}")
    if len(set(columns)) < len(columns):
        raise ManifestError(f"{where}: a column appears twice: {', '.join(columns)}")


def _dataset(manifest: Path, layout: str, rows: Iterable[tuple[int, _Row]]) -> Dataset:
    samples: list[Sample] = []
    line_of: dict[str, int] = {}
    for line, row in rows:
        sample = _sample(manifest.parent, row, f"{manifest}, line {line}")
        if sample.name in line_of:
            raise ManifestError(
                f"{manifest}, line {line}: {sample.name!r} is listed already in line "
                f"{line_of[sample.name]}"
            )
        line_of[sample.name] = line
        samples.append(sample)
    if not samples:
        raise DataError(f"the manifest lists no images: {manifest}")
    return Dataset(manifest.parent, layout, tuple(samples))


def _sample(root: Path, row: _Row, where: str) -> Sample:
    label, split = row.get("label", "").strip().lower(), row.get("split", "").strip().lower()
    if label not in _LABELS:
        raise _bad_value(where, "label", row["label"], "known: normal, anomalous, unlabeled")
    if split not in _SPLITS:
        raise _bad_value(where, "split", row["split"], "known: train, val, test, or empty")
    image = _file(root, row, "path", where)
    if image is None:
        raise _bad_value(where, "path", "", "expected an image file")
    return Sample(
        path=image,
        label=_LABELS[label],
        mask_path=_file(root, row, "mask", where),
        split=_SPLITS[split],
        group=row.get("group") or None,
        defect_type=row.get("type") or None,
        name=Path(row["path"]).as_posix(),
    )


def _file(root: Path, row: _Row, column: str, where: str) -> Path | None:
    value = row.get(column, "")
    if not value:
        return None
    if "\0" in value or not (root / value).is_file():
        raise _bad_value(where, column, value, f"no such file beside the manifest, in {root}")
    return root / value


def _bad_value(where: str, column: str, value: object, hint: str) -> ManifestError:
    return ManifestError(f"{where}, column {column!r}: {value!r} is not understood; {hint}")
