"""What shards of one collection have in common, and what is known of it without its bundle."""

from collections.abc import Sequence

from defectory import __version__
from defectory.domain.scores import finite_or_none
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.scoring.summary import highest_good_score
from defectory.workflows.shards.records import Begun, Run


def run_of(bundle_sha256: str, model: CalibratedDetector, n_shards: int, chunk_size: int) -> Run:
    """Return what all shards have in common."""
    return Run(
        bundle=bundle_sha256,
        promise=model.promise,
        version=__version__,
        n_shards=n_shards,
        chunk_size=chunk_size,
    )


def begin(model: CalibratedDetector, run: Run, arguments: Sequence[str]) -> Begun:
    """Return what is to be known of a collection without its bundle."""
    zone = model.gray_zone
    return Begun(
        run=run,
        arguments=list(arguments),
        threshold=finite_or_none(model.threshold.value),
        accept_threshold=None if zone is None else finite_or_none(zone.accept.value),
        has_gray_zone=zone is not None,
        highest_good=finite_or_none(highest_good_score(model)),
        notes=list(model.bundle.notes),
    )
