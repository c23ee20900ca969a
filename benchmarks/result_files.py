"""Results on disk: JSON that is there whole at any time. Nothing heavy is imported before it is written."""

import json
from pathlib import Path
from typing import Any


class MissingDataError(Exception):
    """The data are not on this machine; the benchmark is skipped and says why."""


class ToldError(Exception):
    """The command line names a row, variant or protocol that is not there; says which there are."""


def write_result(path: Path, result: dict[str, Any]) -> None:
    """Write a result, rounded, in place of what was there."""
    from defectory.storage import write_whole

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (json.dumps(rounded(result), indent=1, sort_keys=True) + "\n").encode())


def rounded(value: Any) -> Any:
    """Return JSON data with floats to six digits; not-a-number becomes null."""
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return None if value != value else float(f"{value:.6g}")
    return value
