"""Defects drawn into normal images: what a supervised network learns from where no defects are known."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from defectory.domain import ParameterError
from defectory.domain.images import Image, Mask
from defectory.simulation.defects import KINDS, Materials, Proposal
from defectory.simulation.foreground import ForegroundRule, GrayThreshold, find_foreground
from defectory.simulation.recoloring import as_gray
from defectory.simulation.textures import TextureSource, photograph_textures

MIXES: dict[str, dict[str, float]] = {
    "paper": {"texture": 1.0, "structural": 1.0},
    "broad": {"texture": 1.0, "structural": 1.0, "shading": 2.0, "scratch": 1.0, "spot": 1.0},
    "all": dict.fromkeys(KINDS, 1.0),
}
"""Kind -> weight. "paper" is the papers', "broad" what `mapl` is taught here, "all" every kind alike."""

# How strongly defects of a mix show; faint ones teach to find fault with good images.
_OPACITIES = {"broad": (0.4, 1.0)}
_PAPERS_OPACITY = (0.15, 1.0)

VISIBLE_LEVELS = 5.0
"""A change of fewer gray levels (of 255) is not called a defect."""

_N_DRAWS = 12
# A defect of fewer pixels than this share is drawn again: 7 px at 256 x 256.
_MIN_AREA_RATIO = 1e-4


@dataclass(frozen=True, eq=False)
class SimulatedAnomaly:
    """A normal image with a defect drawn into it.

    Attributes
    ----------
    image : (h, w, 3) uint8; outside the mask each pixel is that of the original
    mask : (h, w) bool, never empty
    kind : name in `KINDS`
    opacity : (0, 1], how strongly it was drawn
    """

    image: Image
    mask: Mask
    kind: str
    opacity: float


@dataclass(frozen=True)
class AnomalySimulator:
    """Draws defects into normal images.

    Parameters
    ----------
    textures : pictures for the kind "texture"
    mix : name in `MIXES`, or kind -> weight (>= 0, one of them positive)
    foreground : "auto", "off" or GrayThreshold; defects lie on the product only
    opacity : (low, high), 0 < low <= high <= 1, drawn uniformly
        None takes the papers' .15 to 1, and .4 to 1 for the mix "broad"
    partners : other normal images for "cut-paste"; None takes the image itself
    grid : (rows, columns) of the kind "structural"

    Raises
    ------
    ParameterError : a setting is out of its range.

    Notes
    -----
    Source: MemSeg (arXiv 2205.00908) and MAPL (arXiv 2405.06198): with mask M (Perlin times foreground),
    texture I_n and opacity d, the result is (1 - M) I + M (d I_n + (1 - d) I). Differs from them: the
    foreground is found automatically; a defect that is too faint or too small is drawn again; on gray
    images textures are gray; the kinds "shading", "scratch", "spot" and "cut-paste" are ours.
    """

    textures: TextureSource = field(default_factory=photograph_textures)
    mix: str | Mapping[str, float] = "paper"
    foreground: ForegroundRule = "auto"
    opacity: tuple[float, float] | None = None
    partners: TextureSource | None = None
    grid: tuple[int, int] = (4, 8)

    def __post_init__(self) -> None:
        _check_weights(self.weights)
        low, high = self._opacity_range
        if not 0 < low <= high <= 1:
            raise ParameterError(f"opacity is {self.opacity}; give 0 < low <= high <= 1")
        if min(self.grid) < 1:
            raise ParameterError(f"grid is {self.grid}; give at least 1 row and 1 column")
        if self.foreground not in ("auto", "off") and not isinstance(
            self.foreground, GrayThreshold
        ):
            raise ParameterError(
                f"foreground is {self.foreground!r}; give 'auto', 'off' or a GrayThreshold"
            )

    @property
    def _opacity_range(self) -> tuple[float, float]:
        if self.opacity is not None:
            return self.opacity
        return _OPACITIES.get(self.mix if isinstance(self.mix, str) else "", _PAPERS_OPACITY)

    @property
    def weights(self) -> dict[str, float]:
        """Kind -> weight."""
        if not isinstance(self.mix, str):
            return dict(self.mix)
        if self.mix not in MIXES:
            raise ParameterError(f"no mix is named {self.mix!r}; there are {', '.join(MIXES)}")
        return MIXES[self.mix]

    def simulate(self, image: Image, rng: np.random.Generator) -> SimulatedAnomaly:
        """Return the image with one defect, and where it is.

        Parameters
        ----------
        image : (h, w, 3) uint8, RGB, at least one pixel; not changed
        rng : makes every draw

        Returns
        -------
        SimulatedAnomaly
            Its mask says what changed visibly: where the weight of the defect is so low (soft edges) that it
            changes less than 5 gray levels, the original stays.

        Raises
        ------
        ParameterError : the image has another shape or dtype, or no pixels.
        DataError, ImageReadError, MissingExtraError : there are no textures to be had.

        Notes
        -----
        The kind is drawn once, by its weight; everything else is drawn again, up to 12 times, until the
        defect is visible. Where even that fails (a picture too small or too evenly white), a spot of the
        opposite brightness is drawn at full opacity, and `kind` says "spot".
        """
        _check_image(image)
        foreground = find_foreground(image, self.foreground)
        weights = self.weights
        share = np.array(list(weights.values()), float)
        kind = str(rng.choice(list(weights), p=share / share.sum()))
        materials = Materials(self.textures, self.partners, self.grid)
        is_gray = _is_gray(image)
        for _ in range(_N_DRAWS):
            proposal = KINDS[kind](image, foreground, materials, rng)
            opacity = float(rng.uniform(*self._opacity_range))
            if is_gray and not _is_gray(proposal.source):
                proposal = Proposal(as_gray(proposal.source), proposal.alpha)
            drawn = _blend(image, proposal, foreground, opacity)
            if drawn is not None:
                return SimulatedAnomaly(*drawn, kind, opacity)
        return _contrasting_spot(image, foreground, rng)


def _blend(
    image: Image, proposal: Proposal, foreground: Mask, opacity: float
) -> tuple[Image, Mask] | None:
    """Return image and mask, or None where the change is too faint or too small to be called a defect."""
    alpha = np.where(foreground, proposal.alpha, 0).ravel()
    where = np.flatnonzero(alpha)
    weight = alpha[where]
    # channels first: NumPy is many times slower on rows of three
    before = image.reshape(-1, 3)[where].T.astype(np.float32, order="C")
    change = opacity * (proposal.source.reshape(-1, 3)[where].T - before)
    # levels that the defect changes per unit of weight: its root mean square over the region, not pixel
    # by pixel, since a texture that happens to equal the product in places would leave holes in the mask
    strongest = np.abs(change).max(axis=0)
    strength = np.sqrt((weight * strongest**2).sum() / max(float(weight.sum()), 1e-9))
    shows = weight * strength >= VISIBLE_LEVELS
    if shows.sum() < max(1.0, _MIN_AREA_RATIO * alpha.size):
        return None
    after = np.rint(before + weight * change)[:, shows].T
    where = where[shows]
    result, mask = image.copy(), np.zeros(image.shape[:2], bool)
    result.reshape(-1, 3)[where] = after.astype(np.uint8)
    mask.ravel()[where] = True
    return result, mask


def _contrasting_spot(image: Image, foreground: Mask, rng: np.random.Generator) -> SimulatedAnomaly:
    """Return a disc of 4 % of the shorter side, black on bright and white on dark, on the product."""
    inside = np.flatnonzero(foreground)
    y, x = divmod(int(inside[rng.integers(len(inside))]), image.shape[1])
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    disc = np.hypot(rows - y, columns - x) <= 0.04 * min(image.shape[:2])
    mask = np.asarray(disc & foreground)
    result = image.copy()
    result[mask] = np.where(image[mask] < 128, 255, 0)
    return SimulatedAnomaly(result, mask, "spot", 1.0)


def _is_gray(image: Image) -> bool:
    return all(bool((image[:, :, 0] == image[:, :, i]).all()) for i in (1, 2))


def _check_weights(weights: Mapping[str, float]) -> None:
    unknown = [kind for kind in weights if kind not in KINDS]
    if unknown:
        raise ParameterError(
            f"no kind of defect is named {unknown[0]!r}; there are {', '.join(KINDS)}"
        )
    values = np.array(list(weights.values()), float)
    if not (np.isfinite(values).all() and (values >= 0).all() and values.sum() > 0):
        raise ParameterError(f"mix is {weights}; weights are >= 0 and one of them is positive")


def _check_image(image: Image) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ParameterError(
            f"image is {image.dtype} {image.shape}; expected uint8 (h, w, 3) with at least one pixel"
        )
