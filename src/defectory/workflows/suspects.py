"""Training images that a fit distrusted: beside the bundle for a person, and in its facts for the report."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from defectory.detectors.base import Detector
from defectory.domain import BundleError, Suspect
from defectory.sources import Dataset
from defectory.storage import json_lines

CONTENT_DIGITS = 12
"""An image is known by so many hex digits of the hash of its content."""

MAX_IN_FACTS = 100
"""A bundle carries so many suspects; the file beside it carries all."""


@dataclass(frozen=True)
class SuspectImage:
    """A distrusted training image.

    Attributes
    ----------
    name : as in the data set
    path : the file
    suspect : what the detector says of it
    """

    name: str
    path: Path
    suspect: Suspect


@dataclass(frozen=True)
class RecordedSuspect:
    """A distrusted training image as the facts of a bundle know it.

    Attributes
    ----------
    name, path : as in the data set, and relative to its root
    content : first hex digits of the hash of its content
    score, weight, reason : see Suspect
    """

    name: str
    path: str
    content: str
    score: float
    weight: float
    reason: str


def find_suspects(detector: Detector, train: Dataset) -> tuple[SuspectImage, ...]:
    """Return the suspects of a fit on `train`, oddest first."""
    samples = train.samples
    return tuple(
        SuspectImage(samples[suspect.index].name, samples[suspect.index].path, suspect)
        for suspect in detector.suspects_
    )


def suspects_path(bundle: Path) -> Path:
    """Return where the suspects of a bundle lie: `parts.suspects.jsonl` beside `parts.defectory`."""
    return bundle.parent / f"{bundle.stem}.suspects.jsonl"


def write_suspects(suspects: Sequence[SuspectImage], part: Path, folder: Path) -> None:
    """Write one JSON object a suspect into a file of a transaction; without any there is to be none.

    Parameters
    ----------
    folder : where the file comes to lie; paths are relative to it, as in manifests
    """
    if not suspects:
        part.unlink()
        return
    lines = (json.dumps(_row(item, folder), allow_nan=False) for item in suspects)
    part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


_KEYS = {"name", "path", *(entry.name for entry in fields(Suspect))} - {"index"}

SUSPECTS_FILE = json_lines("a list of suspects", lambda row: set(row) == _KEYS)
"""What `write_suspects` writes; a list that a person has added to is theirs."""


def _row(item: SuspectImage, folder: Path) -> dict[str, Any]:
    known = asdict(item.suspect)
    del known["index"]  # of an order that nobody sees
    return {"name": item.name, "path": _relative(item.path, folder), **known}


def suspect_facts(
    suspects: Sequence[SuspectImage], root: Path, contents: Sequence[str]
) -> dict[str, Any]:
    """Return what the facts of a bundle say of the suspects; nothing where there are none.

    Parameters
    ----------
    suspects : oddest first; the first hundred are recorded
    root : of the data set
    contents : of each image given to fit, the first hex digits of the hash of its content
    """
    if not suspects:
        return {}
    recorded = [
        RecordedSuspect(
            name=item.name,
            path=_relative(item.path, root),
            content=contents[item.suspect.index],
            score=float(item.suspect.score),
            weight=float(item.suspect.weight),
            reason=item.suspect.reason,
        )
        for item in suspects[:MAX_IN_FACTS]
    ]
    return {"suspects": [asdict(entry) for entry in recorded], "n_suspects": len(suspects)}


def recorded_suspects(facts: Mapping[str, Any]) -> tuple[RecordedSuspect, ...]:
    """Return the suspects in the facts of a bundle, oddest first; BundleError where they are damaged."""
    try:
        return tuple(
            RecordedSuspect(
                name=str(entry["name"]),
                path=str(entry["path"]),
                content=str(entry["content"]),
                score=float(entry["score"]),
                weight=float(entry["weight"]),
                reason=str(entry["reason"]),
            )
            for entry in facts.get("suspects", ())
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(f"the bundle's list of suspects is damaged ({error!r})") from error


def without_suspects(facts: Mapping[str, Any], contents: set[str]) -> dict[str, Any]:
    """Return the facts without the suspects of that content: somebody has said what they are."""
    recorded = recorded_suspects(facts)
    kept = [asdict(entry) for entry in recorded if entry.content not in contents]
    if len(kept) == len(recorded):
        return dict(facts)
    n_left = int(facts.get("n_suspects", len(recorded))) - (len(recorded) - len(kept))
    return {**facts, "suspects": kept, "n_suspects": n_left}


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()
