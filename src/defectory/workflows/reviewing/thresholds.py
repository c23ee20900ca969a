"""False-reject rates to choose from, and what each costs on the images of a review."""

import numpy as np
from numpy.typing import NDArray

from defectory.calibration.binomial import clopper_pearson
from defectory.calibration.trade_offs import RATES, TradeOff, trade_offs
from defectory.domain import Label
from defectory.domain.scores import finite_or_none
from defectory.projects import VersionRow
from defectory.projects.bundle_versions import read_learned
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.reviewing.facts import Interval, ThresholdOption, Thresholds
from defectory.workflows.reviewing.open_review import OpenReview
from defectory.workflows.reviewing.state import read_state

Floats = NDArray[np.float64]


def threshold_options(review: OpenReview) -> Thresholds:
    """Return the usual rates and the one that is kept now, the strictest first.

    Where confirmed images decide, enough for a promise or not, there is an estimate beside it.
    Recall is counted on labeled defects that the detector held out; where there are none, on defects of this
    review that the bundle has not learned; where there are none of these either, on simulated ones.
    """
    state = read_state(review)
    current, scores = state.current, state.scores
    with review.store.reading() as connection:
        learned = read_learned(connection, current.version)
    is_known = np.array([image.id in learned for image in state.images], bool)
    is_fresh_defect = (state.codes == Label.ANOMALOUS) & ~is_known
    model = review.model_of(current)
    rows = review.once("trade offs", current.version, lambda: _rows(model, current))
    kind, defects = _defects(model, scores[is_fresh_defect])
    options = tuple(
        _option(*row, current, scores, defects, is_sample=kind == "held_out") for row in rows
    )
    return Thresholds(options, kind, len(defects))


def _rows(model: CalibratedDetector, current: VersionRow) -> list[tuple[TradeOff, bool]]:
    """Return what rates cost, and whether each is an estimate although confirmed images could decide."""
    rates = sorted({*RATES, current.false_reject_rate})
    known, defects = model.bundle.calibration, model.bundle.defects
    surest, estimated = (
        trade_offs(
            known,
            defects,
            model.promise.confidence,
            rates,
            prefers_estimate=prefers_estimate,
            tail=model.promise.tail,
        )
        for prefers_estimate in (False, True)
    )
    rows = []
    for sure, estimate in zip(surest, estimated, strict=True):
        rows.append((sure, False))
        if estimate.threshold.is_estimated and not sure.threshold.is_estimated:
            rows.append((estimate, True))
    return rows


def _defects(model: CalibratedDetector, fresh: Floats) -> tuple[str, Floats]:
    """Return which defects recall is counted on, see `Thresholds`, and their scores."""
    known = model.bundle.defects
    if len(known) and not known.is_simulated:
        kind = "held_out" if known.is_fair else "chosen"
        return kind, known.scores.astype(np.float64)
    fresh = fresh[np.isfinite(fresh)]
    if len(fresh):
        return "unlearned", fresh
    return "simulated" if len(known) else "none", known.scores.astype(np.float64)


def _option(
    row: TradeOff, prefers_estimate: bool, current: VersionRow, scores: Floats, defects: Floats,
    *, is_sample: bool,
) -> ThresholdOption:  # fmt: skip
    value, n = row.threshold.value, len(defects)
    k = int((defects > value).sum())
    low, high = clopper_pearson(k, n) if is_sample else (None, None)
    return ThresholdOption(
        false_reject_rate=row.threshold.false_reject_rate,
        threshold=finite_or_none(value),
        n_rejected=int((scores > value).sum()),
        recall=Interval(k / n, low, high) if n else None,
        is_promised=row.threshold.is_kept,
        prefers_estimate=prefers_estimate,
        is_current=(row.threshold.false_reject_rate, float(value))
        == (current.false_reject_rate, current.threshold),
    )
