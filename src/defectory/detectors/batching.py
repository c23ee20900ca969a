"""Images that go through a model together."""

from collections.abc import Iterable, Iterator

from defectory.backbones import Features

BATCH = 32
"""Images that are scored together: whitening matrices are read from memory once for all."""


def batched(features: Iterable[Features]) -> Iterator[list[Features]]:
    """Yield the images' features in lists of BATCH; the last may be shorter."""
    batch: list[Features] = []
    for one in features:
        batch.append(one)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
