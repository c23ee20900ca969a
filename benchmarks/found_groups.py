"""How well are groups found that nobody wrote down? On good images, from their thumbnails alone.

- **Known groups.** Tiles under several lamps (siblings by backbone features, see `siblings`, which the
  search does not use), places on ball screws, 64 consecutive solar cells; scenes of lenses and strips of
  fabric are there once each.
- **Simulated pairs.** A third of a set's images is photographed again: turned by up to 1 degree, shifted by
  up to 1.5 %, under light that is up to 15 % stronger and falls off by up to 25 %, with noise.
- **Independent images.** Each class of Fashion-MNIST by itself: nothing belongs together.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from benchmarks.p3_collections import fashion_mnist
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from benchmarks.suite_cases import SETS, good_groups, material_of
from defectory.domain import ArrayImages, ImageSource, NoProgress
from defectory.domain.images import Image
from defectory.sources.found_groups import find_groups
from defectory.sources.thumbnails import read_thumbnails

_MOST_IN_PAIRS = 300
_N_GARMENTS = 600

Groups = NDArray[np.int64]


def run(*, n_images: int | None, cache: Path, command: str) -> list[Run]:
    """Return the runs, JSON-ready."""
    found = [*_known(n_images, cache), *_simulated(n_images, cache), *_independent(n_images)]
    return [
        {
            "protocol": "found-groups", "seed": 0, **row,
            **provenance(data=fingerprint, weights="none", command=command),
        }
        for row, fingerprint in found
    ]  # fmt: skip


def _known(n_images: int | None, cache: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for name in SETS:
        good, groups = good_groups(name, cache, n_images)
        names = [sample.name for sample in good.samples]
        row = {"part": "known", "data_set": name, **_compare(good.images(), groups, names)}
        yield row, material_of(name).fingerprint


def _simulated(n_images: int | None, cache: Path) -> Iterator[tuple[dict[str, Any], str]]:
    for name in SETS:
        rng = np.random.default_rng(0)
        good, _ = good_groups(name, cache, n_images)
        chosen = np.sort(rng.permutation(len(good))[:_MOST_IN_PAIRS])
        images = [good.images().read([i])[0] for i in chosen.tolist()]
        again = rng.permutation(len(images))[: max(1, len(images) // 3)]
        pictures = ArrayImages([*images, *(_photographed_again(images[i], rng) for i in again)])
        groups = np.concatenate([np.arange(len(images)), again])
        found = find_groups(read_thumbnails(pictures, NoProgress()), [""] * len(pictures)).numbers
        is_found = found[len(images) :] == found[again]
        row = {
            "part": "simulated", "data_set": name, "n": len(groups), "n_pairs": len(again),
            "n_groups": len(np.unique(found)), "recall": float(is_found.mean()),
        }  # fmt: skip
        yield row, material_of(name).fingerprint


def _independent(n_images: int | None) -> Iterator[tuple[dict[str, Any], str]]:
    garments = fashion_mnist()
    for code, name in enumerate(garments.names):
        chosen = np.flatnonzero(garments.codes == code)[: n_images or _N_GARMENTS]
        row = _compare(garments.select(chosen.tolist()), np.arange(len(chosen)), [""] * len(chosen))
        yield {"part": "independent", "data_set": name, **row}, garments.fingerprint


def _compare(images: ImageSource, groups: Groups, names: list[str]) -> dict[str, Any]:
    """Return how the groups that are found agree with the true ones, pair by pair."""
    found = find_groups(read_thumbnails(images, NoProgress()), names)
    pairs = np.triu_indices(len(groups), 1)
    is_joined = found.numbers[pairs[0]] == found.numbers[pairs[1]]
    is_true = groups[pairs[0]] == groups[pairs[1]]
    n_right = int((is_joined & is_true).sum())
    return {
        "n": len(groups),
        "n_true_groups": len(np.unique(groups)),
        "n_groups": found.n_groups,
        "n_joined": int(is_joined.sum()),
        "precision": n_right / int(is_joined.sum()) if is_joined.any() else None,
        "recall": n_right / int(is_true.sum()) if is_true.any() else None,
        "rule": found.rule,
    }


def _photographed_again(image: Image, rng: np.random.Generator) -> Image:
    height, width = image.shape[:2]
    moved = Pillow.fromarray(image).rotate(
        rng.uniform(-1, 1),
        resample=Pillow.Resampling.BILINEAR,
        translate=tuple(rng.uniform(-0.015, 0.015, 2) * (width, height)),
        fillcolor=tuple(int(value) for value in image[0, 0]),
    )
    slope = rng.uniform(-0.25, 0.25, 2)
    down, right = np.mgrid[0:height, 0:width]
    light = 1 + slope[0] * (right / width - 0.5) + slope[1] * (down / height - 0.5)
    lit = np.asarray(moved) * (light * rng.uniform(0.85, 1.15))[:, :, None]
    return np.clip(lit + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8)
