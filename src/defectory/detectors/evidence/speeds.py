"""How closely `auto` looks: what each speed reads and remembers."""

from dataclasses import dataclass

from defectory.domain import ParameterError


@dataclass(frozen=True)
class Speed:
    """What a speed takes of the views of normality.

    Attributes
    ----------
    detail : > 0, times `detail_ratio` of `Auto`, though never below 1
    n_patches, n_patch_dims : >= 1, patches remembered, and their dimensions after whitening
    n_place_dims : >= 1, principal directions that places are told by
    """

    detail: float
    n_patches: int
    n_patch_dims: int
    n_place_dims: int


BALANCED = Speed(detail=1.0, n_patches=4096, n_patch_dims=128, n_place_dims=200)

SPEEDS = {
    "fast": Speed(detail=0.5, n_patches=4096, n_patch_dims=64, n_place_dims=96),
    "balanced": BALANCED,
    "thorough": Speed(detail=2.0, n_patches=4096, n_patch_dims=128, n_place_dims=200),
}
"""Name -> what it takes."""

DEFAULT_SPEED = "balanced"


def find_speed(name: str) -> Speed:
    """Return the speed of this name; ParameterError where there is none."""
    if not isinstance(name, str) or name not in SPEEDS:  # bundles may name anything
        *others, last = SPEEDS
        raise ParameterError(f"speed is {name!r}; give {', '.join(others)} or {last}")
    return SPEEDS[name]
