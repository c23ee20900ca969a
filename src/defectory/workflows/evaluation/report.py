"""From an evaluation to the content of its report."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from math import isnan

import numpy as np
from numpy.typing import NDArray

from defectory import __version__
from defectory.domain import Label
from defectory.reports.content import (
    Confusion,
    Facts,
    Gallery,
    GalleryItem,
    Metric,
    PromiseContent,
    ReportContent,
    ScoredImages,
    TradeOffContent,
    TradeOffRow,
    TypeRow,
)
from defectory.reports.galleries import (
    false_alarms_gallery,
    highest_gallery,
    misses_gallery,
    pick_false_alarms,
    pick_highest,
    pick_misses,
)
from defectory.reports.gray_zone_content import GrayZoneContent
from defectory.sources import read_image
from defectory.sources.mask_files import read_mask
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.evaluation.results import Evaluation
from defectory.workflows.evaluation.suspect_pictures import describe_suspects
from defectory.workflows.heat_scale import heat_scale_of

_GALLERY_ITEMS = 12
_METRICS = (
    ("image_auroc", "Image AUROC", "How surely a defective part scores above a good one.", False),
    ("image_ap", "Image average precision", "Precision averaged over all recalls.", False),
    (
        "recall_at_1pct_frr",
        "Recall at 1 % false rejects",
        "Defective parts found where 1 % of these good parts may be rejected.",
        True,
    ),
    ("f1", "F1 at the threshold", "Balance of precision and recall of the decisions made.", False),
    (
        "pixel_auroc",
        "Pixel AUROC",
        "How surely a defective pixel is hotter than a good one.",
        False,
    ),
    (
        "aupro",
        "AUPRO to 0.3",
        "Overlap with each marked region, averaged up to 30 % false pixels.",
        False,
    ),
)


def build_report(
    model: CalibratedDetector, evaluation: Evaluation, *, title: str, command: str = ""
) -> ReportContent:
    """Return what the report of an evaluation says; pictures are read from disk."""
    labels, rejected = evaluation.labels, evaluation.rejected
    confusion = Confusion(
        n_found=int((rejected & (labels == Label.ANOMALOUS)).sum()),
        n_missed=int((~rejected & (labels == Label.ANOMALOUS)).sum()),
        n_false_alarms=int((rejected & (labels == Label.NORMAL)).sum()),
        n_accepted=int((~rejected & (labels == Label.NORMAL)).sum()),
    )
    threshold, gray_zone = model.threshold, _gray_zone(model, evaluation)
    detector, today = model.bundle.detector, datetime.now(UTC).date().isoformat()
    return ReportContent(
        title=title,
        subtitle=f"{detector.name} on {detector.backbone_.card.name}, {len(labels)} images, {today}",
        verdict=_verdict(confusion, gray_zone),
        warnings=tuple(dict.fromkeys([*evaluation.notes, *model.facts.notes])),
        metrics=tuple(_metrics(evaluation)),
        intervals=evaluation.explain_intervals(),
        scored=ScoredImages(evaluation.scores, labels, threshold.value),
        promise=PromiseContent(
            threshold.false_reject_rate,
            threshold.confidence,
            threshold.bound,
            threshold.n_normals,
            threshold.value,
            threshold.is_estimated,
        ),
        gray_zone=gray_zone,
        trade_off=_trade_off(model),
        confusion=confusion,
        types=tuple(
            TypeRow(row.name, row.n_images, row.n_rejected, row.image_auroc, row.median_score)
            for row in evaluation.types()
        ),
        galleries=_galleries(evaluation, labels, rejected, confusion),
        heat_scale=heat_scale_of(model),
        data=_data_facts(model, evaluation),
        provenance=_provenance(model, evaluation, command),
        account=model.facts.account,
        suspects=describe_suspects(model.facts, evaluation.root),
    )


def _gray_zone(model: CalibratedDetector, evaluation: Evaluation) -> GrayZoneContent | None:
    zone, labels, review = model.gray_zone, evaluation.labels, evaluation.review
    if zone is None:
        return None
    return GrayZoneContent(
        miss_rate=zone.accept.miss_rate,
        confidence=zone.accept.confidence,
        basis=zone.accept.basis,
        accept_threshold=zone.accept.value,
        n_defects=zone.accept.n_defects,
        promise=zone.accept.explain(),
        expected=zone.explain(),
        n_defective=int((review & (labels == Label.ANOMALOUS)).sum()),
        n_good=int((review & (labels == Label.NORMAL)).sum()),
    )


def _trade_off(model: CalibratedDetector) -> TradeOffContent | None:
    rows = model.trade_offs
    if not rows[0].n_defects:
        return None
    names = model.facts.known_names
    return TradeOffContent(
        rows=tuple(
            TradeOffRow(
                row.threshold.false_reject_rate,
                row.threshold.value,
                row.threshold.basis,
                row.recall,
                row.low,
                row.high,
                row.threshold.false_reject_rate == model.promise.false_reject_rate,
            )
            for row in rows
        ),
        n_defects=rows[0].n_defects,
        kind=rows[0].kind,
        holders=tuple(
            f"{names.get(holder.content, holder.content)} alone costs "
            f"{holder.recall_without - holder.recall:.0%} of the defects: is it really good?"
            for holder in model.holders
        ),
    )


def _verdict(confusion: Confusion, zone: GrayZoneContent | None) -> str:
    found, wrong = confusion.recall, confusion.false_reject_rate
    if isnan(found) and isnan(wrong):
        return "No image is labeled, so the decisions cannot be judged."
    parts = []
    if not isnan(found):
        parts.append(f"Finds {found:.0%} of the defective parts")
    if not isnan(wrong):
        parts.append(f"rejects {wrong:.1%} of the good ones")
    verdict = f"{' and '.join(parts)}."
    if zone is not None:
        n, n_review = confusion.n_anomalous + confusion.n_normal, zone.n_defective + zone.n_good
        verdict += f" Leaves {n_review / n:.0%} to look at."
    return verdict.replace("%", " %")


def _metrics(evaluation: Evaluation) -> list[Metric]:
    rows = []
    for key, label, explanation, is_percent in _METRICS:
        low, high = evaluation.intervals[key] or (None, None)
        rows.append(
            Metric(
                key=key,
                label=label,
                value=evaluation.metrics[key],
                explanation=explanation,
                low=low,
                high=high,
                is_percent=is_percent,
                missing_reason=evaluation.why_missing(key),
            )
        )
    return rows


def _galleries(
    evaluation: Evaluation,
    labels: NDArray[np.int8],
    rejected: NDArray[np.bool_],
    confusion: Confusion,
) -> tuple[Gallery, ...]:
    scores = evaluation.scores
    highest = _items(evaluation, pick_highest(scores))
    misses = _items(evaluation, pick_misses(scores, labels, rejected))
    alarms = _items(evaluation, pick_false_alarms(scores, labels, rejected))
    return (
        highest_gallery(highest, len(scores)),
        misses_gallery(misses, confusion.n_missed, confusion.n_anomalous),
        false_alarms_gallery(alarms, confusion.n_false_alarms, confusion.n_normal),
    )


def _items(
    evaluation: Evaluation, indices: Sequence[int] | NDArray[np.intp]
) -> tuple[GalleryItem, ...]:
    items = []
    for i in indices[:_GALLERY_ITEMS]:
        sample = evaluation.samples[i]
        items.append(
            GalleryItem(
                name=sample.name,
                image=read_image(sample.path),
                decision=evaluation.decisions[i],
                label=sample.label,
                defect_type=sample.defect_type or "",
                anomaly_map=evaluation.maps[i] if evaluation.maps else None,
                mask=None if sample.mask_path is None else read_mask(sample.mask_path),
            )
        )
    return tuple(items)


def _data_facts(model: CalibratedDetector, evaluation: Evaluation) -> Facts:
    labels = asdict(model.facts.labels)
    learned = ", ".join(f"{n} {name}" for name, n in labels.items() if n)
    judged = (
        f"{evaluation.n_normal} normal, {evaluation.n_anomalous} anomalous, "
        f"{evaluation.n_unlabeled} unlabeled"
    )
    updates = tuple(
        ("Labels confirmed later", f"{update.n_labels}, on {update.date.date().isoformat()}")
        for update in model.facts.updates
    )
    recalibrations = tuple(
        ("Threshold fitted anew", f"on {done.n_images} images, on {done.date.date().isoformat()}")
        for done in model.facts.recalibrations
    )
    learned_from = ("Learned from", learned or "unknown")
    return (learned_from, *updates, *recalibrations, ("Judged on", judged))


def _provenance(model: CalibratedDetector, evaluation: Evaluation, command: str) -> Facts:
    detector, facts = model.bundle.detector, model.facts
    settings = ", ".join(f"{key}={value}" for key, value in detector.config().items())
    rows = [
        ("Detector", f"{detector.name} ({settings})"),
        ("Weights", f"{detector.backbone_.card.id}, {detector.backbone_.card.license}"),
        ("Seed", str(facts.seed)),
        (
            "Fitted",
            f"{facts.created.isoformat(timespec='seconds')} with defectory {facts.defectory_version}",
        ),
        ("Training data", facts.data.fingerprint),
        ("Test data", evaluation.data_fingerprint),
        ("Evaluated with", f"defectory {__version__}, Python {platform.python_version()}"),
    ]
    if command:
        rows.append(("Command", command))
    return tuple(rows)
