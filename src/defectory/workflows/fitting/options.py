"""Settings of a fit, and what it gives back."""

from dataclasses import dataclass
from pathlib import Path

from defectory.backbones import DEFAULT_BACKBONE
from defectory.calibration import DEFAULT_CONFIDENCE, n_normals_needed
from defectory.detectors import DEFAULT_DETECTOR
from defectory.detectors.base import Detector
from defectory.detectors.evidence.speeds import DEFAULT_SPEED
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.suspects import SuspectImage


@dataclass(frozen=True)
class FitOptions:
    """Settings of `fit`, as on the command line.

    Attributes
    ----------
    detector : name in the registry, or a detector with settings of its own, which is not changed
    backbone : frozen backbone
    size_px, n_tiles : how images are shown to the backbone
    speed : how closely `auto` looks: fast, balanced or thorough
    seed : of every random draw
    false_reject_rate, confidence : (0, 1), the promise of the threshold
    miss_rate : (0, 1), a second promise: at most this share of defects like the labeled ones is accepted,
        and a person looks at what is between; None for no such promise
    time_budget_s : > 0, or None; fewer images are learned from where all would take longer
    max_memory_bytes : > 0, or None; refused before work starts where the estimate is higher
    skip_unreadable : leave out images that cannot be read, and say which; else they are an error
    use_cache : keep features on disk for the next fit
    good_words, bad_words : further names and labels for good and for defective parts
    group_by : which images belong together, see `sources.grouping`; None for what manifests say, or else for
        what is found
    assume_good : unlabeled images count as confirmed good; else they promise nothing
    device : what networks are trained on: auto, cpu, cuda or cuda-bf16, see TrainingResources
    weights : file of the weights of a backbone `timm:NAME`, see `convert_timm`; None for timm's cache
    keep_probes : keep small images of the fit in the bundle, for exports to be checked by
    tell_cost : say before the fit what it will take, measured on a few images
    """

    detector: str | Detector = DEFAULT_DETECTOR
    backbone: str = DEFAULT_BACKBONE
    size_px: int = 256
    n_tiles: int = 1
    speed: str = DEFAULT_SPEED
    seed: int = 0
    false_reject_rate: float = 0.01
    confidence: float = DEFAULT_CONFIDENCE
    miss_rate: float | None = None
    time_budget_s: float | None = None
    max_memory_bytes: int | None = None
    skip_unreadable: bool = False
    use_cache: bool = True
    good_words: tuple[str, ...] = ()
    bad_words: tuple[str, ...] = ()
    group_by: str | None = None
    assume_good: bool = False
    device: str = "auto"
    weights: Path | None = None
    keep_probes: bool = True
    tell_cost: bool = False

    @property
    def n_normals_needed(self) -> int:
        """Good images that the promise needs."""
        return n_normals_needed(self.false_reject_rate, self.confidence)


@dataclass(frozen=True)
class FitResult:
    """What `fit` gives back.

    Attributes
    ----------
    model : fitted
    n_images, n_normal, n_unlabeled, n_anomalous : what there was to learn from, by label
    n_learned : images that were learned from
    wall_s : seconds
    notes : what a person must know: images left out, promises that cannot be kept
    suspects : unlabeled images, the most suspicious first, distrusted or not
    account : what there was to learn from and what was done with it, in plain lines
    """

    model: CalibratedDetector
    n_images: int
    n_normal: int
    n_unlabeled: int
    n_anomalous: int
    n_learned: int
    wall_s: float
    notes: tuple[str, ...] = ()
    suspects: tuple[SuspectImage, ...] = ()
    account: tuple[str, ...] = ()
