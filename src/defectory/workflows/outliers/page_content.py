"""What the page of outliers shows: which pictures, and the words around them."""

import numpy as np
from numpy.typing import NDArray

from defectory import __version__
from defectory.reports.outlier_content import (
    MemorySlot,
    NamedPicture,
    OutlierContent,
    OutlierGroup,
    OutlierItem,
)
from defectory.workflows.outliers.results import Outliers

_N_SHOWN, _N_OF_GROUP, _N_OF_SLOT = 60, 10, 10
_ENCODERS = {
    "packaged": "frozen ImageNet features with a trained projection",
    "scratch": "WideResNet-10-4 trained from scratch on these images",
    "scratch-small": "WideResNet-10-1 trained from scratch on these images",
}


def build_outlier_content(outliers: Outliers) -> OutlierContent:
    """Return the page's content; reads the pictures that are shown, no others."""
    listed = outliers.listed
    n, n_out = len(outliers.scores), len(listed)
    verdict = (
        f"{n_out} of {n} images do not seem to belong ({n_out / n:.1%})."
        if n_out
        else f"None of {n} images stands out."
    )
    return OutlierContent(
        title=outliers.collection.title,
        verdict=verdict,
        explanation=outliers.explain_ratio(),
        scores=outliers.scores,
        cut=outliers.estimate.cut,
        n_images=n,
        n_outliers=n_out,
        items=tuple(
            OutlierItem(
                rank, _picture(outliers, i), float(outliers.scores[i]),
                int(outliers.groups[i]), int(outliers.slots[i]),
            )
            for rank, i in enumerate(listed[:_N_SHOWN], start=1)
        ),
        groups=_groups(outliers, listed),
        slots=_slots(outliers),
        facts=_facts(outliers),
        warnings=outliers.collection.notes,
    )  # fmt: skip


def _groups(outliers: Outliers, listed: NDArray[np.intp]) -> tuple[OutlierGroup, ...]:
    found = []
    coordinates = outliers.detector.fitted_coordinates_
    for number in np.unique(outliers.groups[listed]):
        members = listed[outliers.groups[listed] == number]
        rows = coordinates[members]
        rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        typical = members[np.argsort(-(rows @ rows.mean(axis=0)), kind="stable")]
        pictures = tuple(_picture(outliers, i) for i in typical[:_N_OF_GROUP])
        found.append(OutlierGroup(int(number), len(members), pictures))
    return tuple(found)


def _slots(outliers: Outliers) -> tuple[MemorySlot, ...]:
    """Return the slots that any image mostly reads, each with the images that are read best."""
    found = []
    for number in np.unique(outliers.slots):
        members = np.flatnonzero(outliers.slots == number)
        best = members[np.argsort(outliers.scores[members], kind="stable")]
        pictures = tuple(_picture(outliers, i) for i in best[:_N_OF_SLOT])
        found.append(
            MemorySlot(int(number), len(members), len(members) / len(outliers.slots), pictures)
        )
    return tuple(found)


def _facts(outliers: Outliers) -> tuple[tuple[str, str], ...]:
    detector, last = outliers.detector, outliers.detector.history_[-1]
    shown = ", ".join(f"{name} {value:.3g}" for name, value in last.items() if name != "step")
    return (
        ("Images", f"{len(outliers.scores)}, without any label"),
        ("Encoder", _ENCODERS[detector.encoder]),
        ("Weights", detector.backbone_.card.id),
        ("Augmentation", f"{detector.augmentation_} ({_asked(outliers)})"),
        (
            "Memory",
            f"{detector.n_slots} slots; {detector.trim_ratio:.0%} of the images not trusted",
        ),
        ("Training", f"{int(last['step'])} steps; at the end {shown}"),
        ("Seed", str(detector.seed)),
        ("Time", f"{outliers.wall_s:.0f} s"),
        ("Version", f"defectory {__version__}, detector mcod"),
    )


def _asked(outliers: Outliers) -> str:
    asked = outliers.options.augmentation
    return "found by looking at the images" if asked == "auto" else "as asked"


def _picture(outliers: Outliers, index: int | np.intp) -> NamedPicture:
    image = outliers.collection.images.read([int(index)])[0]
    return NamedPicture(outliers.collection.names[int(index)], image)
