"""One row an image: what is said of it in every format, and files of them: JSON lines, CSV, Parquet.

Rows are written as they come, however many there are. CSV begins with a byte order mark, without which Excel
takes umlauts for something else. Where commas are decimal, Excel wants semicolons between columns, and would
take 1.234 for a thousand: that is `excel`.
"""

import csv
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from defectory.domain import Decision, MissingExtraError, ParameterError
from defectory.domain.scores import AnomalyMap, finite_or_none
from defectory.storage import readable_name
from defectory.workflows.calibrated import CalibratedDetector

Row = dict[str, Any]
"""JSON-ready: image, score, threshold, is_anomalous, p_value, p_value_basis, regions, error.

With a gray zone outcome and accept_threshold, too; heatmap and is_discovery where they are asked for.
"""

FORMATS = ("jsonl", "csv", "excel", "parquet")

_COLUMNS = {
    "image": "string",
    "score": "float64",
    "threshold": "float64",
    "is_anomalous": "bool_",
    "p_value": "float64",
    "p_value_basis": "string",
    "n_regions": "int64",
    "regions": "string",
    "error": "string",
}
"""Column -> its type in Arrow."""
_MORE_COLUMNS = {
    "outcome": "string",
    "accept_threshold": "float64",
    "is_discovery": "bool_",
    "heatmap": "string",
    "image_bytes": "string",
}
_ROWS_A_GROUP = 10_000

_Write = Callable[[Iterable[Row], Path, tuple[str, ...]], None]


@dataclass(frozen=True, eq=False)
class ScoredImage:
    """One image that was scored; `decision` is None where it could not be read.

    Attributes
    ----------
    name : path relative to the scored folder
    path : the file
    decision : with regions in pixels of the original
    heat : anomaly map
    error : why the image could not be read
    """

    name: str
    path: Path
    decision: Decision | None
    heat: AnomalyMap | None = field(default=None, repr=False)
    error: str = ""


def make_row(item: ScoredImage, model: CalibratedDetector) -> Row:
    """Return the row of an image; all text in it is valid Unicode.

    A name whose bytes are no UTF-8 is spelled out in `image`, and in full, as hex digits, in `image_bytes`.

    Parameters
    ----------
    model : that scored it
    """
    image = readable_name(item.name)
    row: Row = {
        "image": image,
        **describe_decision(item.decision, model),
        "error": readable_name(item.error) or None,
    }
    if image != item.name:
        row["image_bytes"] = os.fsencode(item.name).hex()
    return row


def describe_decision(decision: Decision | None, model: CalibratedDetector) -> Row:
    """Return what a row says of a decision by a model, JSON-ready; None throughout where there is none."""
    if decision is None:
        known: Row = dict.fromkeys(
            ("score", "threshold", "is_anomalous", "p_value", "p_value_basis")
        )
    else:
        known = {
            "score": decision.score,
            "threshold": finite_or_none(decision.threshold),
            "is_anomalous": decision.is_anomalous,
            "p_value": float(model.p_values.of(decision.score)),
            "p_value_basis": model.p_values.basis,
        }
    if model.gray_zone is not None:
        known["outcome"] = None if decision is None else decision.outcome
        known["accept_threshold"] = (
            None if decision is None else finite_or_none(decision.accept_threshold)
        )
    known["regions"] = [] if decision is None else [asdict(region) for region in decision.regions]
    return known


def check_format(file_format: str) -> None:
    """Raise where a format is unknown or cannot be written here: ParameterError, MissingExtraError."""
    if file_format not in FORMATS:
        raise ParameterError(f"format is {file_format!r}; give one of {', '.join(FORMATS)}")
    if file_format == "parquet":
        import_arrow()


def table_name(file_format: str) -> str:
    """Return the name of the file that rows are written to."""
    return f"scores.{'csv' if file_format == 'excel' else file_format}"


def write_rows(
    rows: Iterable[Row], path: Path, file_format: str, *, more: Collection[str] = ()
) -> None:
    """Write rows into a file of a format in FORMATS, valid UTF-8; OSError as it comes.

    Parameters
    ----------
    more : columns that only some runs have: outcome, accept_threshold, is_discovery, heatmap,
        image_bytes
    """
    columns = (*_COLUMNS, *(name for name in _MORE_COLUMNS if name in more))
    _WRITERS[file_format](rows, path, columns)


def _write_jsonl(rows: Iterable[Row], path: Path, _: tuple[str, ...]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def _write_csv(rows: Iterable[Row], path: Path, columns: tuple[str, ...]) -> None:
    _write_table(map(_flat, rows), path, columns, delimiter=",")


def _write_excel(rows: Iterable[Row], path: Path, columns: tuple[str, ...]) -> None:
    _write_table(map(_with_decimal_commas, map(_flat, rows)), path, columns, delimiter=";")


def _write_table(rows: Iterable[Row], path: Path, columns: tuple[str, ...], delimiter: str) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def _with_decimal_commas(row: Row) -> Row:
    return {k: repr(v).replace(".", ",") if isinstance(v, float) else v for k, v in row.items()}


def _write_parquet(rows: Iterable[Row], path: Path, columns: tuple[str, ...]) -> None:
    arrow, parquet = import_arrow()
    types = _COLUMNS | _MORE_COLUMNS
    schema = arrow.schema({name: getattr(arrow, types[name])() for name in columns})
    with parquet.ParquetWriter(path, schema) as file:
        for group in _groups(map(_flat, rows)):
            file.write_table(arrow.Table.from_pylist(group, schema=schema))


_WRITERS: dict[str, _Write] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "excel": _write_excel,
    "parquet": _write_parquet,
}


def _groups(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while group := list(islice(rows, _ROWS_A_GROUP)):
        yield group


def _flat(row: Row) -> Row:
    """Return the row with its regions as JSON text, for formats of one value a cell."""
    regions = row["regions"]
    return {**row, "n_regions": len(regions), "regions": json.dumps(regions)}


def import_arrow(what: str = "--format parquet") -> tuple[Any, Any]:
    """Return pyarrow and pyarrow.parquet; MissingExtraError, for what needs them, where they are missing."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(what, "parquet") from error
    return pyarrow, pyarrow.parquet
