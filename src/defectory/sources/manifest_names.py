"""Which files are manifests, by their names and first bytes; `manifests` reads them."""

from pathlib import Path

from defectory.domain import ManifestError

MANIFEST_LAYOUTS = {
    "csv": (".csv", ".tsv"),
    "jsonl": (".jsonl", ".ndjson", ".json"),
    "parquet": (".parquet",),
}
"""Layout -> file endings."""

_WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods", ".numbers")
_WORKBOOK_STARTS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


def is_manifest_name(path: Path) -> bool:
    """Return whether a file is named like a manifest."""
    return any(path.suffix.lower() in endings for endings in MANIFEST_LAYOUTS.values())


def find_manifest_layout(path: Path) -> str:
    """Return the layout of a file that `is_manifest_name` says yes to."""
    ending = path.suffix.lower()
    return next(layout for layout, endings in MANIFEST_LAYOUTS.items() if ending in endings)


def check_spreadsheet(path: Path) -> None:
    """Refuse a workbook, by its name or content; ManifestError."""
    is_workbook = path.suffix.lower() in _WORKBOOKS
    if not is_workbook and path.suffix.lower() in MANIFEST_LAYOUTS["csv"]:
        try:
            with path.open("rb") as file:
                is_workbook = file.read(4) in _WORKBOOK_STARTS
        except OSError:
            return  # said when it is read
    if is_workbook:
        raise ManifestError(
            f"{path} is a workbook, which is not read; save it as CSV "
            "(in Excel: File, Save As, CSV UTF-8) and give that file"
        )
