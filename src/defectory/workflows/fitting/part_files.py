"""The folder that the parts of a fit share: what lies in it, and whether it is all of one collection."""

import contextlib
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from defectory.artifacts.statistics_files import (
    StatisticsFacts,
    read_facts,
    read_statistics,
    write_statistics,
)
from defectory.detectors.statistics import FitStatistics
from defectory.domain import DataError, OutputError
from defectory.storage import OutputFolder, check_outputs
from defectory.storage.outputs import cannot_write
from defectory.storage.shared_files import shared_file
from defectory.workflows.shards.membership import Shard

BASIS_NAME = "basis.statistics"
_N_LISTED = 20
_PART_NAME = re.compile(r"part-(\d{4,})-of-(\d{4,})\.statistics")


class _PartsFolder(OutputFolder):
    """Goes on where it holds statistics."""

    def check_replaceable(self) -> str:
        """Return what is there; see Output."""
        try:
            names = sorted(path.name for path in self.target.iterdir() if path.name[0] != ".")
        except OSError as error:
            raise cannot_write(self.path, error) from error
        others = [n for n in names if n != BASIS_NAME and not _PART_NAME.fullmatch(n)]
        if others:
            raise OutputError(
                f"{self.path} holds what is no part of a fit ({others[0]}); it stays: choose another folder"
            )
        return "a folder of parts"


def open_folder(folder: Path, inputs: Sequence[Path]) -> None:
    """Make the folder, or go on with it.

    Raises
    ------
    OutputError : it is, holds or lies in what is read, holds something else, or cannot be written.
    """
    check_outputs([_PartsFolder(folder, "fit --shard")], inputs=inputs, overwrite=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def remove_parts(folder: Path) -> None:
    """Remove parts, and their folder where nothing else is in it; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        for path in list(folder.iterdir()):
            if path.name == BASIS_NAME or _PART_NAME.fullmatch(path.name):
                path.unlink()
        folder.rmdir()


def part_path(folder: Path, shard: Shard) -> Path:
    """Return where the statistics of a part lie."""
    return folder / f"part-{shard.index:04}-of-{shard.n:04}.statistics"


def find_part(path: Path, facts: StatisticsFacts) -> StatisticsFacts | None:
    """Return what a file says of itself where it is there and whole; None where it is to be made.

    Raises
    ------
    OutputError : it is of other data or settings.
    """
    try:
        found, _ = read_statistics(path)
    except DataError:
        return None
    wrong = explain_difference(found, facts)
    if wrong:
        raise OutputError(f"{path} is {wrong}; choose another folder")
    return found


def save_part(path: Path, statistics: FitStatistics, facts: StatisticsFacts) -> None:
    """Write statistics, whole or not at all; OutputError where they cannot be."""
    known = msgspec.structs.replace(facts, n_images=statistics.n_images)
    try:
        with shared_file(path) as part:
            write_statistics(part, statistics, known)
    except OSError as error:
        raise cannot_write(path, error) from error


class StatisticsFiles:
    """Statistics in files, read one by one and anew each time that one goes through them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[FitStatistics]:
        return (read_statistics(path)[1] for path in self.paths)


def find_parts(folder: Path, facts: StatisticsFacts, command: Sequence[str]) -> StatisticsFiles:
    """Return the statistics of all parts that hold images.

    Parameters
    ----------
    facts : what they are to be of, whatever the part
    command : that makes a part, without `--shard`

    Raises
    ------
    DataError : there are none, or some are missing, damaged, or of other data or settings.
    """
    found: list[Path] = []
    problems: list[str] = []
    for shard in _find_shards(folder, command):
        path = part_path(folder, shard)
        expected = msgspec.structs.replace(facts, part=shard.index, n_parts=shard.n)
        try:
            known = read_facts(path)
        except DataError as error:
            why = str(error) if path.exists() else f"part {shard} is missing"
            problems.append(f"{why}:  {shlex.join([*command, '--shard', str(shard)])}")
            continue
        wrong = explain_difference(known, expected)
        if wrong:
            raise DataError(f"{path} is {wrong}; make all parts anew, in another folder")
        if known.n_images:
            found.append(path)
    if problems:
        raise DataError(f"{folder}: " + "\n".join(problems[:_N_LISTED]))
    if not found:
        raise DataError(f"{folder}: no part holds an image")
    return StatisticsFiles(found)


def find_places(paths: Sequence[Path], own: StatisticsFacts | None) -> StatisticsFiles:
    """Return the statistics of several places.

    Parameters
    ----------
    paths : of files, one or more
    own : what one of them has to be of; None where no place's images are at hand

    Raises
    ------
    DataError : one is missing, there twice or of other settings; or none is of these images.
    """
    facts = [read_facts(path) for path in paths]
    first = own or facts[0]
    seen: dict[str, Path] = {}
    for path, known in zip(paths, facts, strict=True):
        if (known.detector, known.config) != (first.detector, first.config):
            raise DataError(f"{path} is of another detector, or of other settings")
        if known.data in seen:
            raise DataError(
                f"{path} and {seen[known.data]} are of the same images: they would count twice"
            )
        seen[known.data] = path
    if own is not None and own.data not in seen:
        raise DataError(
            "none of these statistics is of the images given: export theirs, too, with the same options"
        )
    return StatisticsFiles(paths)


def explain_difference(known: StatisticsFacts, facts: StatisticsFacts) -> str:
    """Return how statistics differ from what is asked for; "" where they do not."""
    if (known.detector, known.config) != (facts.detector, facts.config):
        return "of another detector, or of other settings"
    if known.data != facts.data:
        return "of other images, labels or groups"
    if (known.part, known.n_parts) != (facts.part, facts.n_parts):
        return f"part {known.part}/{known.n_parts}"
    return f"of {known.generator}" if known.generator != facts.generator else ""


def _find_shards(folder: Path, command: Sequence[str]) -> list[Shard]:
    try:
        matches = [_PART_NAME.fullmatch(path.name) for path in folder.iterdir()]
    except OSError as error:
        raise DataError(f"cannot read {folder}: {error.strerror or error}") from error
    numbers = {int(match[2]) for match in matches if match}
    if not numbers:
        raise DataError(f"{folder} holds no parts; make them:  {shlex.join(command)} --shard 0/N")
    if len(numbers) > 1:
        raise DataError(
            f"{folder} holds parts of {', '.join(map(str, sorted(numbers)))}; keep one kind"
        )
    (n,) = numbers
    return [Shard(index, n) for index in range(n)]
