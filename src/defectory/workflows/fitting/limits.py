"""What a fit may take of time and memory, and where its training is kept until it is done."""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from defectory.backbones import KeptFeatures
from defectory.backbones.providers import provider_in_force
from defectory.backbones.weight_files import hash_weights
from defectory.detectors.base import Detector
from defectory.domain import (
    Label,
    MissingExtraError,
    ParameterError,
    ResourceError,
    TrainingResources,
    members_of,
    own_groups,
)
from defectory.machine.cache_folder import user_cache_folder
from defectory.sources import Dataset
from defectory.training.devices import find_device
from defectory.workflows.fitting.defect_scores import N_SIMULATED
from defectory.workflows.memory import MemoryNeed, MemoryPlan, plan_memory

KEPT_FILE_BYTES = 64 * 2**20
"""Of images, and as much of masks, in memory: what is read first, to measure noise, is read again later."""

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

    def plan_memory(self, detector: Detector, train: Dataset) -> MemoryPlan:
        """Return how the fit keeps within memory; features kept in memory have what is left of the limit.

        Raises
        ------
        ResourceError : it needs more than is allowed; nothing was begun.
        """
        if self.max_memory_bytes is not None:
            detector.look_at(train.images())
        need = MemoryNeed(
            what=f"fitting {detector.name} on {len(train)} images",
            fixed_bytes=detector.estimate_fit_bytes(len(train)),
            reader_bytes=detector.reader_bytes,
            advice=", or choose a smaller size or another detector",
            kept_file_bytes=2 * KEPT_FILE_BYTES,
        )
        plan = plan_memory(self.max_memory_bytes, need, train.files())
        if plan.n_readers is not None and isinstance(detector.cache, KeptFeatures):
            detector.cache.keep_within(plan.spare_bytes)
        return plan

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
        share, overhead = detector.reading_share, detector.overhead + N_SIMULATED
        order = np.random.default_rng(seed).permutation(len(train))
        keep_first = _by_worth(detector, train.labels[order])
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
        kept = np.sort(_whole_groups(order[keep_first], train.groups, n_affordable))
        note = (
            f"to keep the time budget of {budget:.0f} s, learned from {len(kept)} images "
            f"drawn at random from {len(train)}"
            + (", labeled ones first" if (train.labels != Label.UNLABELED).any() else "")
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
        config = {
            "name": detector.name, "provider": provider_in_force(), **detector.config()
        }  # fmt: skip
        if detector.weights is not None:
            config["weights"] = hash_weights(detector.weights)
        name = fingerprint_run(config, [train.fingerprint()])[:32]
        return replace(plain, checkpoint=user_cache_folder() / "training" / f"{name}.checkpoint")


def _whole_groups(
    order: NDArray[np.intp], groups: NDArray[np.int64] | None, limit: int
) -> NDArray[np.intp]:
    """Return images in this order up to the limit, all of a group or none."""
    if groups is None:
        return order[:limit]
    numbers = own_groups(len(groups), groups)
    kept: list[int] = []
    for members in members_of(numbers, dict.fromkeys(numbers[order].tolist())):
        if len(kept) + len(members) <= limit:
            kept += members.tolist()
    return np.array(kept, np.intp) if len(kept) > 1 else order[:limit]


def _by_worth(detector: Detector, labels: NDArray[np.int8]) -> NDArray[np.intp]:
    """Return the order in which images are kept: those that a person has labeled first.

    Labeled defects come last where the detector does not learn from them.
    """
    worth = np.where(labels == Label.UNLABELED, 1, 0)
    if not detector.capabilities.uses_labeled_anomalies:
        worth[labels == Label.ANOMALOUS] = 2
    return np.argsort(worth, kind="stable")
