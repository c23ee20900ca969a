"""From files that have arrived to rows: read once, judged together, each on its own where that fails."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from defectory.domain import Decision, ImageReadError
from defectory.domain.errors import one_line
from defectory.domain.images import ArrayImages, Image
from defectory.domain.scores import AnomalyMap
from defectory.machine import count_readers, map_ordered
from defectory.sources.decoding import open_image, read_bytes
from defectory.sources.images import to_rgb
from defectory.storage import readable_name
from defectory.workflows.scoring.rows import Row, ScoredImage, make_row
from defectory.workflows.watching.arrivals import Arrival
from defectory.workflows.watching.bundle_files import Judge
from defectory.workflows.watching.listing import state_of


@dataclass(frozen=True, eq=False)
class ReadFile:
    """A file that was read.

    Attributes
    ----------
    arrival, path : which
    content : its bytes; empty where they could not be read
    sha256 : of them, hex digits; "" without
    image : decoded; None where it could not be
    error : why not
    """

    arrival: Arrival
    path: Path
    content: bytes = field(repr=False, default=b"")
    sha256: str = ""
    image: Image | None = field(repr=False, default=None)
    error: str = ""


def read_arrivals(folder: Path, arrivals: Sequence[Arrival]) -> Iterator[ReadFile | Arrival]:
    """Yield the files in order; the arrival alone for one that is not whole yet, has changed, or is gone."""
    return map_ordered(lambda arrival: _read(folder, arrival), arrivals, count_readers())


def _read(folder: Path, arrival: Arrival) -> ReadFile | Arrival:
    path = folder / arrival.name
    try:
        content = read_bytes(path)
    except ImageReadError as error:
        if not arrival.is_last_try or not _is_as_it_was(path, arrival):
            return arrival
        return ReadFile(arrival, path, error=str(error))
    # what was judged is what was seen, and what was hashed
    if len(content) != arrival.state.n_bytes or not _is_as_it_was(path, arrival):
        return arrival
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        image = to_rgb(open_image(content, path), path)
    except ImageReadError as error:
        if not arrival.is_last_try:
            return arrival
        return ReadFile(arrival, path, content, sha256, error=str(error))
    return ReadFile(arrival, path, content, sha256, image)


def _is_as_it_was(path: Path, arrival: Arrival) -> bool:
    try:
        return state_of(path) == arrival.state
    except OSError:
        return False


class _Judged(NamedTuple):
    decision: Decision | None
    heat: AnomalyMap | None
    error: str


def judge_files(files: Sequence[ReadFile], judge: Judge) -> list[ScoredImage]:
    """Return what a bundle says of each file; one that it cannot judge has an error."""
    images = [file.image for file in files if file.image is not None]
    try:
        judged = iter(_judge(images, judge))
    except Exception:
        # whatever a picture sets off, it must not keep the others from being judged, today and ever
        judged = iter([each for image in images for each in _judge_alone(image, judge)])
    scored = []
    for file in files:
        decision, heat, error = (
            _Judged(None, None, file.error) if file.image is None else next(judged)
        )
        scored.append(ScoredImage(file.arrival.name, file.path, decision, heat, error))
    return scored


def _judge(images: Sequence[Image], judge: Judge) -> list[_Judged]:
    if not images:
        return []
    scores, decisions = judge.model.judge(ArrayImages(images))
    maps: Sequence[AnomalyMap | None] = scores.anomaly_maps or [None] * len(scores)
    return [_Judged(d, heat, "") for d, heat in zip(decisions, maps, strict=True)]


def _judge_alone(image: Image, judge: Judge) -> list[_Judged]:
    try:
        return _judge([image], judge)
    except Exception as error:
        return [_Judged(None, None, f"cannot be judged: {one_line(error)}")]


def make_watch_row(item: ScoredImage, file: ReadFile, judge: Judge) -> Row:
    """Return the row of an image: when it was judged, what `score` says of one, and by which bundle."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        **make_row(item, judge.model),
        "sha256": file.sha256,
        "bundle": readable_name(judge.name),
    }
