"""What Prometheus is told."""

from collections.abc import Collection, Iterable
from functools import partial

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.serving.bundles import ServedBundle
from defectory.workflows.serving.judging import Judged
from defectory.workflows.serving.records import AlarmTold

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_POSITIONS = (-1.0, -0.5, 0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
_MODEL = ("model", "version")

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters of one service, in a registry of their own. Threads may share them."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self.requests = counter("defectory_requests", "Requests answered.", ("route", "status"))
        self.seconds = histogram(
            "defectory_request_seconds",
            "From the head of a request to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
        )
        self.image_seconds = histogram(
            "defectory_image_seconds",
            "Decoding and judging of an image, without waiting.",
            buckets=_SECONDS,
        )
        self.waiting = gauge("defectory_queue_images", "Images that wait or are judged.")
        self.places = gauge("defectory_queue_places", "Images that may wait or be judged.")
        self.images = counter("defectory_images", "Images judged.", (*_MODEL, "decision"))
        self.unreadable = counter(
            "defectory_unreadable_images", "Images that could not be read.", _MODEL
        )
        self.positions = histogram(
            "defectory_score_position",
            "Scores, of which 0 is the median of the good images a bundle knows, and 1 its threshold.",
            _MODEL,
            buckets=_POSITIONS,
        )
        self.alarm = gauge(
            "defectory_alarm_ringing",
            "1 where scores have risen and the threshold's promise no longer holds.",
            _MODEL,
        )
        self.evidence = gauge(
            "defectory_alarm_log_evidence",
            "Natural logarithm of the evidence that scores have risen; the alarm rings from 4.6 on.",
            _MODEL,
        )
        self.info = gauge(
            "defectory_model_info",
            "1 for each bundle that is served.",
            (*_MODEL, "sha256", "detector"),
        )
        self.reloads = counter(
            "defectory_reloads", "Bundles that took the place of others.", ("model",)
        )
        self.failing = gauge(
            "defectory_reload_failing",
            "1 where a new file of this name does not load; what was served before is served on.",
            ("model",),
        )
        self.unrecorded = counter(
            "defectory_unrecorded_answers",
            "Answers whose images could not be written to the journal.",
        )

    def text(self) -> bytes:
        """Return everything as Prometheus reads it."""
        return generate_latest(self._registry)

    def judged(self, bundle: ServedBundle, judged: Iterable[Judged]) -> None:
        """Count images that were judged."""
        low, high = position_of(bundle.model)
        for each in judged:
            self.images.labels(bundle.name, bundle.version, each.decision.outcome).inc()
            if np.isfinite(high) and high > low:
                position = (each.decision.score - low) / (high - low)
                self.positions.labels(bundle.name, bundle.version).observe(position)

    def alarm_told(self, bundle: ServedBundle, told: AlarmTold | None) -> None:
        """Show what the alarm of a bundle says."""
        if told is not None:
            self.alarm.labels(bundle.name, bundle.version).set(told.is_ringing)
            self.evidence.labels(bundle.name, bundle.version).set(told.log_capital)

    def served(self, bundles: Iterable[ServedBundle]) -> None:
        """Show which bundles are served; their alarms have to be told again, those of others are gone."""
        for gauge in (self.alarm, self.evidence, self.info):
            gauge.clear()
        for bundle in bundles:
            detector = bundle.model.bundle.detector.name
            self.info.labels(bundle.name, bundle.version, bundle.sha256, detector).set(1)

    def reloaded(self, names: Iterable[str], failing: Collection[str]) -> None:
        """Show of which names a file is refused; nothing is told any longer of those that are gone."""
        self.failing.clear()
        for name in names:
            self.failing.labels(name).set(name in failing)


def position_of(model: CalibratedDetector) -> tuple[float, float]:
    """Return the scores that stand for 0 and 1: a usual good image's, and the threshold."""
    scores = model.good_scores.scores
    low = float(np.median(scores)) if len(scores) else 0.0
    return low, float(model.threshold.value)
