"""Pictures of one collection of Fashion-MNIST for docs/detectors/mcod.md: scores, training, coordinates."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from benchmarks.evaluation import say
from benchmarks.p3_collections import CLASS_NAMES, draw_collection, fashion_mnist
from defectory.backbones.feature_cache import FeatureCache
from defectory.detectors.mcod import Mcod
from defectory.metrics import auroc
from defectory.storage.whole_files import write_whole
from defectory.workflows.outliers.ratio import estimate_ratio

MAX_BYTES = 150_000

_DPI = 120
_N_COLORS = 96
_BELONGS, _ODD = "#0072b2", "#d55e00"
# Okabe and Ito, with black and brown; shapes tell apart what colors do not.
_COLORS = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#000000", "#8c564b",
)  # fmt: skip
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_STYLE = {
    "font.size": 10, "axes.titlesize": 11, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": "#666666", "axes.axisbelow": True, "grid.color": "#e2e2e2", "legend.frameon": False,
}  # fmt: skip


@dataclass(frozen=True)
class Fitted:
    """A collection that MCOD has learned from, with the truth that it was not told.

    Attributes
    ----------
    normal : number of the class that belongs
    classes : (n,) number of each image's class
    detector : fitted on the collection
    """

    normal: int
    classes: NDArray[np.uint8]
    detector: Mcod

    @property
    def truth(self) -> NDArray[np.bool_]:
        """(n,) which images are outliers."""
        return self.classes != self.normal


def draw(
    normal: int, ratio: float, seed: int, *, cache: Path, n_images: int | None, folder: Path
) -> list[Path]:
    """Fit one collection with the packaged encoder, write the three pictures, and return their paths."""
    material = fashion_mnist()
    chosen, _ = draw_collection(material.codes, normal, ratio, seed, n_images)
    detector = Mcod(n_folds=0, seed=seed, cache=FeatureCache(cache))
    detector.fit(material.select(chosen.tolist()))
    fitted = Fitted(normal, material.codes[chosen], detector)
    paths = []
    with mpl.rc_context(_STYLE):
        for name, make in (
            ("p3-scores.png", scores_figure),
            ("p3-training.png", training_figure),
            ("p3-tsne.png", tsne_figure),
        ):
            say(name)
            paths.append(write_png(make(fitted), folder / name))
    return paths


def scores_figure(fitted: Fitted) -> Figure:
    """Return how many images of what belongs, and of the outliers, have which score."""
    scores, truth = fitted.detector.fitted_scores_, fitted.truth
    figure, axes = _figure(6.6, 3.8)
    edges = np.geomspace(scores.min(), scores.max(), 61)
    thing, height = CLASS_NAMES[fitted.normal], 0.0
    for chosen, color, words in (
        (~truth, _BELONGS, f"{(~truth).sum():,} {thing}s, which belong"),
        (truth, _ODD, f"{truth.sum():,} outliers of the other classes"),
    ):
        counts, _, _ = axes.hist(
            scores[chosen], edges, histtype="stepfilled", color=color, alpha=0.45, label=words
        )
        axes.hist(scores[chosen], edges, histtype="step", color=color, linewidth=1.2)
        height = max(height, float(np.max(counts)))
    estimate = estimate_ratio(scores)
    axes.vlines(
        estimate.cut, 0, 1.03 * height, color="#333333", linestyle="--", linewidth=1.2,
        label=f"listed above this: {estimate.ratio:.1%} by the estimate, {truth.mean():.1%} true",
    )  # fmt: skip
    axes.set_ylim(0, 1.42 * height)
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="y")
    axes.set_xlabel("score: whitened distance to what memory reads back (log scale)")
    axes.set_ylabel("images")
    axes.set_title(f"Scores of {thing}s with outliers: AUROC {auroc(scores, truth):.3f}")
    axes.legend(loc="upper right")
    return figure


def training_figure(fitted: Fitted) -> Figure:
    """Return slots in use and the contrast relative to chance over the epochs, and who reads which slot."""
    detector = fitted.detector
    history, n_slots = detector.history_, detector.n_slots
    steps = np.array([entry["step"] for entry in history])
    epochs = detector.n_epochs * steps / steps[-1]
    figure = Figure(figsize=(10.4, 3.2), layout="constrained")
    panels: Sequence[Axes] = figure.subplots(1, 3)
    slots, contrast, readers = panels
    slots.plot(epochs, [entry["slots used"] for entry in history], color=_BELONGS, linewidth=1.8)
    slots.axhline(n_slots / 2, color="#333333", linestyle="--", linewidth=1)
    slots.text(epochs[-1], n_slots / 2 + 0.12, "goal: at least half", ha="right", va="bottom")
    slots.set_ylim(0, n_slots + 0.6)
    slots.set_ylabel(f"slots, of {n_slots}")
    slots.set_title("Memory slots in use")
    contrast.plot(epochs, [entry["of chance"] for entry in history], color=_ODD, linewidth=1.8)
    for height, words in ((1.0, "chance"), (0.5, "goal: at most half")):
        contrast.axhline(height, color="#333333", linestyle="--", linewidth=1)
        contrast.text(epochs[-1], height + 0.013, words, ha="right", va="bottom")
    contrast.set_ylim(0, 1.12)
    contrast.set_ylabel("loss / its chance value")
    contrast.set_title("Contrast of instances")
    for axes in (slots, contrast):
        axes.set_xlim(0, detector.n_epochs)
        axes.set_xlabel("epoch")
    _draw_readers(readers, fitted)
    for axes in panels:
        axes.grid(axis="y")
    return figure


def _draw_readers(axes: Axes, fitted: Fitted) -> None:
    """Draw how many images mostly read each slot at the end, fullest slot first."""
    chosen, n_slots = fitted.detector.fitted_shares_.argmax(axis=1), fitted.detector.n_slots
    belongs, odd = (
        np.bincount(chosen[kind], minlength=n_slots) for kind in (~fitted.truth, fitted.truth)
    )
    order = np.argsort(-(belongs + odd), kind="stable")
    places = np.arange(1, n_slots + 1)
    axes.bar(places, belongs[order], color=_BELONGS, label="belong")
    axes.bar(places, odd[order], bottom=belongs[order], color=_ODD, label="outliers")
    axes.set_xticks(places)
    axes.set_xlabel("slot, the fullest first")
    axes.set_ylabel("images that mostly read it")
    axes.set_title("Who reads which slot")
    axes.legend()


def tsne_figure(fitted: Fitted) -> Figure:
    """Return a map of the whitened coordinates by t-SNE: what belongs in gray, outliers by class."""
    from sklearn.manifold import TSNE

    coordinates = fitted.detector.fitted_coordinates_
    perplexity = min(30.0, (len(coordinates) - 1) / 3)
    spots = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(coordinates)
    figure, axes = _figure(7.6, 5.4)
    belongs = ~fitted.truth
    thing = CLASS_NAMES[fitted.normal]
    axes.scatter(
        *spots[belongs].T, s=3, color="#bdbdbd", linewidths=0,
        label=f"{thing}, belongs ({belongs.sum():,})",
    )  # fmt: skip
    others = [code for code in range(len(CLASS_NAMES)) if code != fitted.normal]
    for code, color, marker in zip(others, _COLORS, _MARKERS, strict=True):
        chosen = fitted.classes == code
        axes.scatter(
            *spots[chosen].T, s=15, color=color, marker=marker, linewidths=0.3, edgecolors="#333333",
            label=f"{CLASS_NAMES[code]} ({chosen.sum():,})",
        )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(
        f"t-SNE of what memory cannot read, {coordinates.shape[1]} whitened coordinates an image",
        loc="left",
    )
    axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), title="true class (images)", markerscale=1.4
    )
    return figure


def write_png(figure: Figure, path: Path) -> Path:
    """Write the figure with few colors, so that it stays below `MAX_BYTES`; ValueError where it does not."""
    raw, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(raw, dpi=_DPI, metadata={"Software": None})
    image: Any = Image.open(raw).convert("RGB")
    image = image.quantize(_N_COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    image.save(packed, "PNG", optimize=True)
    if len(packed.getvalue()) > MAX_BYTES:
        raise ValueError(f"{path.name} takes {len(packed.getvalue())} bytes, {MAX_BYTES} at most")
    write_whole(path, packed.getvalue())
    return path


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()
