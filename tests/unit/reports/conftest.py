from collections.abc import Callable
from math import nan

import numpy as np
import pytest

from defectory.domain import Decision, Label, Region
from defectory.reports.content import (
    Confusion,
    GalleryItem,
    HeatScale,
    Metric,
    PromiseContent,
    ReportContent,
    ScoredImages,
    TypeRow,
)
from defectory.reports.galleries import false_alarms_gallery, highest_gallery, misses_gallery

THRESHOLD = 20.0


def _item(name: str, score: float, seed: int = 0, size: tuple[int, int] = (48, 64)) -> GalleryItem:
    rng = np.random.default_rng(seed)
    mask = np.zeros(size, dtype=bool)
    mask[5:15, 20:40] = True
    regions = (Region(18, 4, 24, 12, 200, 30, 10, 15.0),) if score > THRESHOLD else ()
    return GalleryItem(
        name=name,
        image=rng.integers(0, 256, (*size, 3), dtype=np.uint8),
        decision=Decision(score, THRESHOLD, score > THRESHOLD, regions),
        label=Label.ANOMALOUS,
        defect_type="scratch",
        anomaly_map=rng.uniform(0, 12, (6, 8)).astype(np.float32),
        mask=mask,
    )


@pytest.fixture
def make_item() -> Callable[..., GalleryItem]:
    return _item


@pytest.fixture
def make_scored() -> Callable[..., ScoredImages]:
    def make(threshold: float = THRESHOLD, n_unlabeled: int = 0) -> ScoredImages:
        rng = np.random.default_rng(1)
        counts = {Label.NORMAL: 80, Label.ANOMALOUS: 50, Label.UNLABELED: n_unlabeled}
        labels = np.repeat([int(label) for label in counts], list(counts.values()))
        scores = rng.normal(15, 2, labels.size) + np.where(
            labels == 1, rng.lognormal(3, 1, labels.size), 0
        )
        return ScoredImages(scores, labels, threshold)

    return make


@pytest.fixture
def make_content(make_scored: Callable[..., ScoredImages]) -> Callable[..., ReportContent]:
    def make(**changes: object) -> ReportContent:
        items = tuple(_item(f"part_{index}.png", 60.0 - 5 * index, index) for index in range(8))
        fields: dict[str, object] = {
            "title": "Tiles",
            "subtitle": "patch detector · tiles · today",
            "verdict": "Finds 90 % of defective parts.",
            "metrics": (
                Metric("image_auroc", "Image AUROC", 0.9712, "Ranks.", 0.95, 0.98),
                Metric("recall", "Recall", 0.931, "Finds.", 0.9, 0.95, is_percent=True),
                Metric("aupro", "AUPRO", nan, "Overlaps.", missing_reason="no masks here"),
            ),
            "scored": make_scored(),
            "promise": PromiseContent(0.01, 0.95, 0.0093, 381, THRESHOLD),
            "confusion": Confusion(45, 5, 2, 78),
            "types": (TypeRow("scratch", 30, 28, 0.99, 41.0), TypeRow("dent", 20, 17, nan, 30.0)),
            "galleries": (
                highest_gallery(items, 130),
                misses_gallery((), 0, 50),
                false_alarms_gallery((), 0, 80),
            ),
            "heat_scale": HeatScale(1.0, 6.0, 12.0),
            "data": (("Test images", "130"),),
            "provenance": (("Seed", "0"),),
        }
        return ReportContent(**(fields | changes))  # type: ignore[arg-type]

    return make
