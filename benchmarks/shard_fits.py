"""What a thousand more images cost a bundle that was fitted on a hundred thousand.

Pictures of 64 px, no two alike (eight good ones, each with noise of its own), so that no cache knows them;
gaussian, without labels. A full fit on both together beside `fit NEW --resume-from OLD`, each in a process of
its own on all cores. Half as many images first: a full fit should take half as long.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.shard_place import SMALL_PX, Place, apart, takes

N_OLD, N_NEW = 100_000, 1_000
_N_BASES, _IN_FOLDER = 8, 1_000
_SIZE = ("--size", SMALL_PX, "--detector", "gaussian")


def measure(
    place: Place, seed: int, n_old: int = N_OLD, n_new: int = N_NEW
) -> dict[str, Any] | None:
    """Return the costs of both fits; None where bundles cannot be resumed."""
    if not takes("fit", "--resume-from"):
        print("shards: incremental left out: fit has no option --resume-from", file=sys.stderr)
        return None
    apart(_draw, place.folder / "grown", 0, n_old // 2, seed)
    half = place.cost("fit", "grown", "-o", "half.defectory", *_SIZE, "--no-cache")
    apart(_draw, place.folder / "grown", n_old // 2, n_old, seed)
    old = place.cost("fit", "grown", "-o", "old.defectory", *_SIZE, "--no-cache")
    apart(_draw, place.folder / "new", n_old, n_old + n_new, seed)
    resumed = place.cost(
        "fit", "new", "--resume-from", "old.defectory", "-o", "resumed.defectory", "--no-cache"
    )
    for name in ("grown", "new"):
        shutil.rmtree(place.folder / name)
    full_s = old.wall_s * (n_old + n_new) / n_old
    return {
        "n_old": n_old,
        "n_new": n_new,
        "half_fit_s": half.wall_s,
        "fit_s": old.wall_s,
        "fit_mb": old.peak_mb,
        "resumed_s": resumed.wall_s,
        "resumed_mb": resumed.peak_mb,
        "share": resumed.wall_s / full_s,
    }


def _draw(folder: Path, first: int, last: int, seed: int) -> None:
    """Write pictures of these numbers; a number and seed give the same picture."""
    import numpy as np
    from PIL import Image

    from defectory.testing.pictures import disc

    bases = [disc(np.random.default_rng([seed, i]), SMALL_PX) for i in range(_N_BASES)]
    for i in range(first, last):
        path = folder / f"{i // _IN_FOLDER:04}/{i:07}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng([seed, _N_BASES + i])
        noise = rng.integers(-6, 7, (SMALL_PX, SMALL_PX, 1))
        picture = np.clip(bases[i % _N_BASES] + noise, 0, 255).astype(np.uint8)
        Image.fromarray(picture).save(path, compress_level=1)
