"""What a training run may use of the machine; no part of a detector's config."""

from dataclasses import dataclass
from pathlib import Path

from defectory.domain.errors import ParameterError

DEVICES = ("auto", "cpu", "cuda", "cuda-bf16")


@dataclass(frozen=True)
class TrainingResources:
    """Resources of a run; results are the same on the same machine with the same threads and device.

    Attributes
    ----------
    checkpoint : file that the run is kept in until it is complete, or None to keep nothing
    checkpoint_every_s : >= 0, seconds between two checkpoints
    time_budget_s : > 0, or None; the run is planned shorter where all steps would take longer
    n_threads : >= 1, threads of torch on the CPU; None for no more than this process has cores
    device : auto (CUDA where there is one), cpu, cuda, or cuda-bf16 (forward passes in bfloat16)
    """

    checkpoint: Path | None = None
    checkpoint_every_s: float = 60.0
    time_budget_s: float | None = None
    n_threads: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        if self.device not in DEVICES:
            raise ParameterError(
                f"no device is named {self.device!r}; there are {', '.join(DEVICES)}"
            )
        if self.time_budget_s is not None and self.time_budget_s <= 0:
            raise ParameterError(f"the time budget is {self.time_budget_s} s; give more than 0")
        if self.n_threads is not None and self.n_threads < 1:
            raise ParameterError(f"n_threads is {self.n_threads}; give 1 or more")
