"""Scores on disk: JSON lines, CSV or Parquet, and heatmaps beside them; written whole or not at all."""

import csv
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from defectory.backbones.parallel import count_cores, map_ordered
from defectory.domain import Decision, MissingExtraError, OutputError, ParameterError
from defectory.domain.images import Image
from defectory.domain.scores import AnomalyMap
from defectory.reports import HeatScale, overlay_heat
from defectory.sources import read_image
from defectory.storage import write_whole

FORMATS = ("jsonl", "csv", "parquet")
_COLUMNS = ("image", "score", "threshold", "is_anomalous", "n_regions", "regions", "error")
_HEATMAP_PX = 1024


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


def write_scores(
    scored: Iterable[ScoredImage],
    folder: Path,
    *,
    file_format: str = "jsonl",
    heat_scale: HeatScale | None = None,
    overwrite: bool = False,
) -> int:
    """Write `scores.<format>` and, with a scale, `heatmaps/<image>.png`; return the number of rows.

    The folder appears when everything is written, under a temporary name until then.

    Parameters
    ----------
    scored : images as they are scored; drawn from only as fast as they are written
    folder : must not exist, unless it may be replaced
    heat_scale : draw each anomaly map over its image in these colors (longest side at most 1,024 px)

    Raises
    ------
    OutputError : the folder cannot be written.
    MissingExtraError : Parquet without the extra `parquet`.
    """
    if file_format not in FORMATS:
        raise ParameterError(f"format is {file_format!r}; give one of {', '.join(FORMATS)}")
    write_rows = _WRITERS[file_format]
    if file_format == "parquet":
        _import_arrow()
    with whole_folder(folder, overwrite=overwrite) as part:

        def record(item: ScoredImage) -> dict[str, Any]:
            if heat_scale and item.heat is not None:
                _write_heatmap(item.path, item.heat, heat_scale, part / "heatmaps" / item.name)
            return _row(item)

        # pictures are drawn by threads while the next images are scored
        rows = list(map_ordered(record, scored, count_cores()))
        write_rows(rows, part / f"scores.{file_format}")
    return len(rows)


@contextmanager
def whole_folder(folder: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary folder that becomes `folder` on success and vanishes on failure."""
    if folder.exists() and not overwrite:
        raise OutputError(f"{folder} exists already; choose another name or add --overwrite")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
    try:
        yield part
        part.chmod(0o755)
        if folder.exists():
            _replace_folder(part, folder)
        else:
            part.rename(folder)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _replace_folder(part: Path, folder: Path) -> None:
    """Put `part` in the place of `folder`; the old one is removed only when the new one is there."""
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file; remove it or choose another name")
    old = part.with_suffix(".old")
    folder.rename(old)
    part.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse an output that cannot be written before any work is done; OutputError."""
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already; choose another name or add --overwrite")
    parent = path.parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"{parent} is a file, so {path} cannot be written")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all; OutputError where that fails."""
    try:
        write_whole(path, text.encode())
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def _row(item: ScoredImage) -> dict[str, Any]:
    decision = item.decision
    return {
        "image": item.name,
        "score": None if decision is None else decision.score,
        # an infinite threshold (no normals to fit one on) has no place in JSON
        "threshold": None
        if decision is None or not np.isfinite(decision.threshold)
        else decision.threshold,
        "is_anomalous": None if decision is None else decision.is_anomalous,
        "regions": [] if decision is None else [asdict(region) for region in decision.regions],
        "error": item.error or None,
    }


def _write_jsonl(rows: list[dict[str, Any]], path: Path) -> None:
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_csv(rows: list[dict[str, Any]], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(map(_flat, rows))


def _write_parquet(rows: list[dict[str, Any]], path: Path) -> None:
    arrow, parquet = _import_arrow()
    types = {
        "image": arrow.string(), "score": arrow.float64(), "threshold": arrow.float64(),
        "is_anomalous": arrow.bool_(), "n_regions": arrow.int64(), "regions": arrow.string(),
        "error": arrow.string(),
    }  # fmt: skip
    table = arrow.Table.from_pylist([_flat(row) for row in rows], schema=arrow.schema(types))
    parquet.write_table(table, path)


_WRITERS: dict[str, Callable[[list[dict[str, Any]], Path], None]] = {
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its regions as JSON text, for formats of one value a cell."""
    regions = row["regions"]
    return {**row, "n_regions": len(regions), "regions": json.dumps(regions)}


def _import_arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("--format parquet", "parquet") from error
    return pyarrow, pyarrow.parquet


def _write_heatmap(path: Path, heat: AnomalyMap, scale: HeatScale, target: Path) -> None:
    image = _at_most(read_image(path), _HEATMAP_PX)
    target.parent.mkdir(parents=True, exist_ok=True)
    target = target.with_name(f"{target.name}.png")
    PillowImage.fromarray(overlay_heat(image, heat, scale)).save(target, compress_level=1)


def _at_most(image: Image, side_px: int) -> Image:
    picture = PillowImage.fromarray(image)
    picture.thumbnail((side_px, side_px))
    return np.asarray(picture)
