"""What a fit may take of time and memory, and where its training is kept until it is done."""

import time
from dataclasses import dataclass, replace

import numpy as np

from defectory.detectors.base import Detector
from defectory.domain import MissingExtraError, ParameterError, ResourceError, TrainingResources
from defectory.machine import user_cache_folder
from defectory.sources import Dataset
from defectory.training.devices import find_device

# Images whose reading is timed before a time budget is planned.
_N_TIMED = 16
# Share of a time budget for training, where a network is trained.
_TRAINING_SHARE = 0.55


@dataclass(frozen=True)
class Limits:
    """What the user allows; None for no limit.

    Attributes
    ----------
    time_budget_s : > 0
    max_memory_bytes : > 0
    device : of training, see TrainingResources
    """

    time_budget_s: float | None
    max_memory_bytes: int | None
    device: str = "auto"

    def check_device(self, detector: Detector) -> None:
        """Refuse, before work starts, a device that is not there or has nothing to do; ParameterError."""
        resources = TrainingResources(device=self.device)
        if self.device != "auto" and not detector.capabilities.needs_torch:
            raise ParameterError(
                f"{detector.name} needs no such device; leave device out, or take the detector mapl"
            )
        if self.device.startswith("cuda"):
            find_device(resources)

    def check_memory(self, detector: Detector, n_images: int) -> None:
        """Refuse, before work starts, what may not fit; ResourceError."""
        needed = detector.estimate_fit_bytes(n_images)
        if self.max_memory_bytes is not None and needed > self.max_memory_bytes:
            raise ResourceError(
                f"fitting {detector.name} on {n_images} images needs up to "
                f"{needed / 1e9:.2f} GB, and {self.max_memory_bytes / 1e9:.2f} GB are allowed; "
                "allow more, or choose a smaller size or another detector"
            )

    def keep_time(
        self, detector: Detector, train: Dataset, seed: int, started: float
    ) -> tuple[Dataset, tuple[str, ...]]:
        """Return as many of the images, at random, as the time budget lets us read, and what to say of it.

        Raises
        ------
        ResourceError : not even a few can be read in time.
        """
        budget = self.time_budget_s
        if budget is None or len(train) <= _N_TIMED:
            return train, ()
        share, overhead = detector.reading_share, detector.overhead
        order = np.random.default_rng(seed).permutation(len(train))
        sample = replace(train, samples=tuple(train.samples[i] for i in order[:_N_TIMED]))
        seconds_each = detector.time_reading(sample.images())
        spent = time.monotonic() - started
        left = (budget - overhead * seconds_each) * share - spent
        n_affordable = int(left / seconds_each) if left > 0 else 0
        if n_affordable >= len(train):
            return train, ()
        if n_affordable < _N_TIMED:
            needed = (_N_TIMED * seconds_each + spent) / share + overhead * seconds_each
            raise ResourceError(
                f"a time budget of {budget:.0f} s is too short: fitting on {_N_TIMED} images needs "
                f"about {needed:.0f} s; allow more time"
            )
        kept = np.sort(order[:n_affordable])
        note = (
            f"to keep the time budget of {budget:.0f} s, learned from {n_affordable} images "
            f"drawn at random from {len(train)}"
        )
        return replace(train, samples=tuple(train.samples[i] for i in kept)), (note,)

    def training_resources(
        self, detector: Detector, train: Dataset, *, keep: bool
    ) -> TrainingResources:
        """Return the resources of a training run; with `keep` it resumes where a killed one stopped.

        Raises
        ------
        MissingExtraError : the extra `train` is not installed.
        """
        budget = None if self.time_budget_s is None else _TRAINING_SHARE * self.time_budget_s
        own = detector.resources or TrainingResources(device=self.device)
        plain = replace(own, time_budget_s=budget)
        if not keep:
            return plain
        try:
            from defectory.training.loop import fingerprint_run
        except ImportError as error:
            raise MissingExtraError(f"fitting {detector.name}", "train") from error
        config = {"name": detector.name, **detector.config()}
        name = fingerprint_run(config, [train.fingerprint()])[:32]
        return replace(plain, checkpoint=user_cache_folder() / "training" / f"{name}.checkpoint")
