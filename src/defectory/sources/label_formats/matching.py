"""Which image on disk a name in a file of labels means: only files that were found are ever meant."""

import ntpath
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from defectory.sources.files import is_image_name
from defectory.storage import folded_name

_Parts = tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """Names of labels and images on disk.

    Attributes
    ----------
    images : name in the labels -> name of the image
    missing : names in the labels that are not on disk
    unclear : name in the labels -> several images that it fits
    shared : name of an image -> several names in the labels that mean it
    """

    images: Mapping[str, str]
    missing: tuple[str, ...]
    unclear: Mapping[str, tuple[str, ...]]
    shared: Mapping[str, tuple[str, ...]]


def match_names(written: Iterable[str], on_disk: Sequence[str]) -> Matches:
    """Return which images names mean.

    The very name goes first. Else an image is meant whose path agrees with the name from its end, as far as
    both say folders; the one that agrees in most folders. Case and the composition of Unicode letters count
    only between images that differ in nothing else. A name without an ending of images means the image with
    that stem.
    """
    known = set(on_disk)
    by_name, by_stem = _index(on_disk)
    images: dict[str, str] = {}
    missing: list[str] = []
    unclear: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys(written):
        if name in known:
            images[name] = name
            continue
        found = _candidates(name, by_name, by_stem)
        if len(found) == 1:
            images[name] = found[0]
        elif found:
            unclear[name] = tuple(found)
        else:
            missing.append(name)
    names_of: dict[str, list[str]] = defaultdict(list)
    for name, image in images.items():
        names_of[image].append(name)
    shared = {image: tuple(names) for image, names in names_of.items() if len(names) > 1}
    return Matches(images, tuple(missing), unclear, shared)


def _index(on_disk: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    by_name: dict[str, list[str]] = defaultdict(list)
    by_stem: dict[str, list[str]] = defaultdict(list)
    for image in on_disk:
        last = folded_name(image.rpartition("/")[2])
        by_name[last].append(image)
        by_stem[last.rpartition(".")[0]].append(image)
    return by_name, by_stem


def _candidates(
    name: str, by_name: Mapping[str, list[str]], by_stem: Mapping[str, list[str]]
) -> list[str]:
    parts = _parts(name)
    if not parts:
        return []
    found = by_name.get(parts[-1], [])
    if not found and not is_image_name(Path(parts[-1])):
        found = by_stem.get(parts[-1], [])
    agreeing = [
        (n, image) for image in found if (n := _n_agreeing(parts, _parts(image))) is not None
    ]
    most = max((n for n, _ in agreeing), default=0)
    nearest = [image for n, image in agreeing if n == most]
    if len(set(map(folded_name, nearest))) == 1:  # they differ in case or composition only
        last = name.replace("\\", "/").rpartition("/")[2]
        spelled_so = [image for image in nearest if image.rpartition("/")[2] == last]
        return spelled_so if len(spelled_so) == 1 else nearest
    return nearest


def _n_agreeing(written: _Parts, real: _Parts) -> int | None:
    """Return in how many folders two paths agree from their end; None where they contradict each other."""
    n = min(len(written), len(real)) - 1
    return n if n == 0 or written[-n - 1 : -1] == real[-n - 1 : -1] else None


def _parts(name: str) -> _Parts:
    plain = ntpath.splitdrive(name.replace("\\", "/"))[1] if name[1:2] == ":" else name
    return tuple(
        folded_name(part)
        for part in plain.replace("\\", "/").split("/")
        if part not in ("", ".", "..")
    )
