"""Networks drawn from a seed, with the global random state left as it was."""

from collections.abc import Callable
from typing import TypeVar

import torch

Network = TypeVar("Network", bound=torch.nn.Module)


def build_seeded(make: Callable[[], Network], seed: int) -> Network:
    """Return make(), its weights drawn from `seed`; torch's global generator is restored after."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()
