"""Training images that a fit distrusted: beside the bundle for a person, and in its facts for the report."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from defectory.artifacts import BundleFacts, RecordedSuspect
from defectory.artifacts.facts import MAX_SUSPECTS
from defectory.detectors.base import Detector
from defectory.domain import Suspect
from defectory.sources import Dataset
from defectory.storage.kinds import json_lines


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


def record_suspects(
    suspects: Sequence[SuspectImage], root: Path, contents: Sequence[str]
) -> tuple[RecordedSuspect, ...]:
    """Return the suspects as a bundle keeps them: the oddest, so many as it may carry.

    Parameters
    ----------
    suspects : oddest first
    root : of the data set
    contents : of each image given to fit, the first hex digits of the hash of its content
    """
    return tuple(
        RecordedSuspect(
            name=item.name,
            path=_relative(item.path, root),
            content=contents[item.suspect.index],
            score=float(item.suspect.score),
            weight=float(item.suspect.weight),
            reason=item.suspect.reason,
        )
        for item in suspects[:MAX_SUSPECTS]
    )


def without_suspects(facts: BundleFacts, contents: set[str]) -> BundleFacts:
    """Return the facts without the suspects of that content: somebody has said what they are."""
    kept = tuple(entry for entry in facts.suspects if entry.content not in contents)
    n_gone = len(facts.suspects) - len(kept)
    return replace(facts, suspects=kept, n_suspects=facts.n_suspects - n_gone)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()
