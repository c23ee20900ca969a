"""Unlabeled training images, the most suspicious first: beside the bundle for a person, and in its facts."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from defectory.artifacts import BundleFacts, RecordedSuspect
from defectory.artifacts.manifest import MAX_SUSPECTS
from defectory.detectors.base import Detector
from defectory.domain import Label, Suspect
from defectory.remote.copies import address_of
from defectory.sources import Dataset
from defectory.storage.kinds import json_lines

_BY_SCORE = "not distrusted; its place in the list is that of its score"


@dataclass(frozen=True)
class SuspectImage:
    """An unlabeled training image and how suspicious it is.

    Attributes
    ----------
    name : as in the data set
    path : the file
    suspect : what the detector says of it
    """

    name: str
    path: Path
    suspect: Suspect


def rank_unlabeled(
    detector: Detector, train: Dataset, contents: Sequence[str]
) -> tuple[SuspectImage, ...]:
    """Return the unlabeled images that a fit on `train` studied, the most suspicious first.

    Those that the detector distrusts come as it says; the others by their left-out scores.

    Parameters
    ----------
    contents : of each image of `train`, the first hex digits of the hash of its content
    """
    distrusted = {suspect.index for suspect in detector.suspects_}
    score_of = dict(
        zip(detector.held_out_.contents, detector.held_out_.scores.tolist(), strict=True)
    )
    others = [
        Suspect(i, score_of[content], 1.0, 0, 0, 1, _BY_SCORE)
        for i, content in enumerate(contents)
        if train.samples[i].label is Label.UNLABELED and i not in distrusted and content in score_of
    ]
    others.sort(key=lambda suspect: -suspect.score)
    return tuple(
        SuspectImage(train.samples[item.index].name, train.samples[item.index].path, item)
        for item in (*detector.suspects_, *others)
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


_RANDOM = "random"  # which older lists lack
_KEYS = {"name", "path", *(entry.name for entry in fields(Suspect))} - {"index"}

SUSPECTS_FILE = json_lines("a list of suspects", lambda row: set(row) - {_RANDOM} == _KEYS)
"""What `write_suspects` writes; a list that a person has added to is theirs."""


def _row(item: SuspectImage, folder: Path) -> dict[str, Any]:
    known = asdict(item.suspect)
    del known["index"]  # of an order that nobody sees
    # labels of the first of a ranking are no random sample, and promise nothing
    return {"name": item.name, "path": _relative(item.path, folder), **known, _RANDOM: "no"}


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
    address = address_of(path)
    if address is not None:  # a copy, which may be cleared
        return address
    if address_of(folder) is not None:  # the list goes into a store
        return path.absolute().as_posix()
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_posix()
