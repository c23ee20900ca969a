"""Dataset -> CSV and JSONL manifests."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from defectory.domain import OutputError
from defectory.remote.copies import address_of
from defectory.sources.columns import COLUMNS, YES_NO
from defectory.sources.dataset import Dataset, Sample
from defectory.storage import FileKind, OutputFile, check_outputs, write_outputs
from defectory.storage.checks import Say
from defectory.storage.kinds import json_lines

_ENCODING_ERRORS = "surrogateescape"  # file names need not be valid text
_MAX_HEADER_BYTES = 1024


def write_manifest(
    dataset: Dataset,
    path: Path | str,
    *,
    overwrite: bool = False,
    inputs: Iterable[Path | str] = (),
    say: Say | None = None,
) -> None:
    """Write a CSV or JSONL manifest, whole or not at all; reading it gives the same samples.

    Parameters
    ----------
    dataset : what to write
    path : a file that ends in .csv or .jsonl
        Paths are written relative to its folder, so names stay the same where that is the root.
    overwrite : a manifest of the form that we write may be replaced
    inputs : what the data set was read from, beside its files
    say : told of a manifest that is replaced

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
    check_outputs(outputs, inputs=[*inputs, *dataset.files()], overwrite=overwrite, say=say)
    with write_outputs(outputs, overwrite=overwrite) as (part,):
        write(rows, part)


def write_rows(samples: Iterable[Sample], part: Path, place: Path) -> None:
    """Write a CSV manifest to a temporary file that will lie at `place`; OSError as it comes.

    Parameters
    ----------
    samples : in order; masks may be files that are not there yet
    part : the temporary file
    place : the absolute path that it gets; paths are relative to its folder
    """
    _write_csv([_row(sample, place.parent) for sample in samples], part)


def _row(sample: Sample, folder: Path) -> dict[str, str]:
    return {
        "path": _relative(sample.path, folder),
        "label": sample.label.name.lower(),
        "mask": _relative(sample.mask_path, folder) if sample.mask_path else "",
        "split": sample.split,
        "group": sample.group or "",
        "type": sample.defect_type or "",
        "random": YES_NO[sample.is_random],
    }


def _relative(path: Path, folder: Path) -> str:
    address = address_of(path)
    if address is not None:  # a copy, which may be cleared
        return address
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()


def _write_csv(rows: Iterable[Mapping[str, str]], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors=_ENCODING_ERRORS, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _write_jsonl(rows: Iterable[Mapping[str, str]], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors=_ENCODING_ERRORS, newline="\n") as file:
        for row in rows:
            known = {column: value for column, value in row.items() if value}
            file.write(json.dumps(known) + "\n")


def _has_our_header(path: Path) -> bool:
    with path.open("rb") as file:
        return file.readline(_MAX_HEADER_BYTES).strip() == ",".join(COLUMNS).encode()


_WRITERS: dict[str, tuple[Callable[[Iterable[Mapping[str, str]], Path], None], FileKind]] = {
    ".csv": (_write_csv, FileKind("a manifest", _has_our_header)),
    ".jsonl": (
        _write_jsonl,
        json_lines("a manifest", lambda row: "path" in row and set(row) <= set(COLUMNS)),
    ),
}
