"""Writes constraints-lowest.txt: the lowest versions that pyproject.toml declares, of what users install."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
FILE = ROOT / "constraints-lowest.txt"
EXTRAS = ("train", "timm", "export", "parquet", "ray", "remote", "review", "serve", "openvino")


def render() -> str:
    """Return one line `name==version` for each dependency."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [
        *project["dependencies"],
        *(text for extra in EXTRAS for text in project["optional-dependencies"][extra]),
    ]
    return "".join(sorted({f"{_lowest(Requirement(text))}\n" for text in declared}))


def _lowest(requirement: Requirement) -> str:
    bounds = [bound.version for bound in requirement.specifier if bound.operator in (">=", "==")]
    if len(bounds) != 1:
        raise ValueError(f"{requirement} declares no lowest version")
    return f"{requirement.name}=={bounds[0]}"


if __name__ == "__main__":
    FILE.write_text(render())
