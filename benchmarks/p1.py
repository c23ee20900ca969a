"""P1 `clean`: magnetic tiles, image and pixel level.

Pixel figures compare map and mask at 256 x 256: maps enlarged bilinearly, masks by nearest neighbor.
Anomalous images whose mask is empty (four of the type `uneven`) count for image figures only.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from benchmarks.datasets import magnetic_tile, of_label, thinned
from benchmarks.evaluation import Figures, Indices, Measured, Options, fit, image_figures, repeat
from benchmarks.provenance import provenance
from benchmarks.result_files import Run
from defectory.domain import Label, Scores
from defectory.domain.scores import AnomalyMap
from defectory.metrics import auroc, pixel_metrics
from defectory.sources import Dataset

_SIDE_PX = 256


def run(options: Options) -> list[Run]:
    """Return the runs, JSON-ready."""
    data = magnetic_tile()
    train = thin(of_label(data.subset("train"), Label.NORMAL), options.n_images)
    test = thin(data.subset("test"), options.n_images)

    def measure(indices: Indices, seed: int) -> Measured:
        paths = train.images().paths
        detector = fit(options, [paths[i] for i in indices], seed)
        scores = detector.score(test.images())
        figures = image_figures(detector, scores, test.labels)
        figures |= _per_type(scores, test)
        figures |= pixel_figures(scores.anomaly_maps, test)
        return Measured(figures, scores.image_scores, detector.backbone_.card.id)

    runs, weights = repeat(measure, len(train), options.n_seeds)
    facts = {
        "protocol": "p1-clean",
        "detector": options.detector,
        "n_test": {"normal": int((test.labels == 0).sum()), "anomalous": int(test.labels.sum())},
        **provenance(data=data.fingerprint(), weights=weights, command=options.command),
    }
    return [{**facts, **found} for found in runs]


def _per_type(scores: Scores, test: Dataset) -> Figures:
    """Return the AUROC of each defect type against all normal test images."""
    types = np.array([sample.defect_type or "" for sample in test.samples])
    normal = test.labels == Label.NORMAL
    figures = {}
    for name in sorted(set(types[~normal])):
        shown = normal | (types == name)
        figures[f"auroc_{name}"] = auroc(scores.image_scores[shown], test.labels[shown])
    return figures


def pixel_figures(found: Sequence[AnomalyMap] | None, test: Dataset) -> Figures:
    """Return pixel AUROC and AUPRO of the maps of the test images, or nothing where there are none."""
    if found is None:
        return {}
    files, size = test.masks(), (_SIDE_PX, _SIDE_PX)
    maps, masks = [], []
    for i, label in enumerate(test.labels):
        mask = files.read(i)
        if label == Label.ANOMALOUS and (mask is None or not mask.any()):
            continue
        if mask is None:
            mask = np.zeros(size, bool)
        heat = Image.fromarray(found[i])
        maps.append(np.asarray(heat.resize(size, Image.Resampling.BILINEAR)))
        masks.append(np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)))
    metrics = pixel_metrics(maps, masks)
    return {"pixel_auroc": metrics.auroc, "aupro": metrics.aupro}


def thin(data: Dataset, n: int | None) -> Dataset:
    """Return at most n images, spread over the data set; all of it for None."""
    kept = {data.samples[i].name for i in thinned(range(len(data)), n)}
    return data.filter(lambda sample: sample.name in kept)
