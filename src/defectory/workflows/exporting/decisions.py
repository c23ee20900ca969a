"""How to decide by an exported graph: thresholds, promise, inputs and outputs."""

import math

import numpy as np

from defectory import __version__
from defectory.artifacts.exported import SCHEMA_VERSION, ExportedDecision, Tensor
from defectory.detectors.decision_graphs import IMAGE, MAP, SCORE
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.exporting.options import ExportOptions

_TOLERANCE, _NOISY_TOLERANCE = 1e-3, 5e-2
# Thresholds are scores of images: without it, another runtime's last bit would reject such an image.
_MARGIN = 1e-5
_LOWEST = -float(np.finfo(np.float64).max)


def describe_decision(
    model: CalibratedDetector,
    options: ExportOptions,
    *,
    has_maps: bool,
    weight_bits: int | None,
    score_spread: float,
    bundle_sha256: str,
) -> ExportedDecision:
    """Return how a graph decides.

    Parameters
    ----------
    model : that the graph decides by
    options : of the export
    has_maps : whether the graph gives one
    weight_bits : of quantized weights; None where there are none
    score_spread : standard deviation of the scores of good images, by the bundle
    bundle_sha256 : of the bundle
    """
    zone, threshold, pixels = model.gray_zone, model.threshold.value, model.pixel_threshold
    margin = _MARGIN * max(abs(threshold), score_spread)
    outputs = (Tensor(SCORE, "float32", ()), Tensor(MAP, "float32", (-1, -1)))
    return ExportedDecision(
        schema_version=SCHEMA_VERSION,
        defectory_version=__version__,
        runtime=options.to,
        precision=options.precision,
        weight_bits=weight_bits,  # type: ignore[arg-type]
        inputs=(Tensor(IMAGE, "uint8", (-1, -1, 3)),),
        outputs=outputs if has_maps else outputs[:1],
        threshold=threshold + margin,
        pixel_threshold=pixels + _MARGIN * abs(pixels)
        if has_maps and math.isfinite(pixels)
        else None,
        # minus infinity, where no defects are known, is no number of JSON
        accept_threshold=None if zone is None else max(zone.accept.value - margin, _LOWEST),
        promise=model.promise,
        promised=model.threshold.explain(),
        score_spread=score_spread,
        tolerance=_tolerance(model, options),
        detector=model.bundle.detector.name,
        bundle_sha256=bundle_sha256,
    )


def _tolerance(model: CalibratedDetector, options: ExportOptions) -> float | None:
    """Return the largest error of a score or map that is taken for rounding."""
    if options.precision != "fp32":
        return None
    # camera noise is taken off in sums whose order differs: a pixel in a thousand is rounded another way
    takes_off_noise = getattr(model.bundle.detector, "noise_", 0.0) > 0
    return _NOISY_TOLERANCE if takes_off_noise else _TOLERANCE
