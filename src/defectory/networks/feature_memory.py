"""What normal images look like in feature space, and how far an image is from the nearest of it."""

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from defectory.domain import ParameterError

Granularity = Literal["image", "position", "patch"]
GRANULARITIES: tuple[str, ...] = get_args(Granularity)

_ELSEWHERE = float("inf")


class FeatureMemory(nn.Module):
    """Squared differences DI* to the nearest memory item, level by level.

    Parameters
    ----------
    items : three levels, fine to coarse, of (m, c, h, w) features
        for "patch": (m, c), the memory's patches of that level
    granularity : what "nearest" is chosen for
        "image": one item for the whole image, by the total over cells and levels, as the papers do.
        "position": an item for each cell, among the same cells of all items.
        "patch": a patch for each cell, from anywhere.
    owners : (m,) a level, which training image an item is from
        an image is not compared with itself while the network trains: at test no item is its own

    Notes
    -----
    Source: Yang et al. 2023 (MemSeg), equations 3-4; Chen & Kang 2024 (MAPL). Differs: a training image's own
    item is left out; nearest by position or by patch are ours. The items take no gradient; the features do.
    """

    def __init__(self, items: Sequence[Tensor], granularity: str, owners: Sequence[Tensor]) -> None:
        super().__init__()
        if granularity not in GRANULARITIES:
            raise ParameterError(
                f"memory is {granularity!r}; choose one of {', '.join(GRANULARITIES)}"
            )
        self.granularity = granularity
        self.n_levels = len(items)
        for level, (item, owner) in enumerate(zip(items, owners, strict=True)):
            self.register_buffer(f"items{level}", self._by_cell(item.detach()))
            self.register_buffer(f"owners{level}", owner)

    def forward(self, features: Sequence[Tensor], own: Tensor | None = None) -> list[Tensor]:
        """Return (n, c, h, w) squared differences a level.

        Parameters
        ----------
        features : (n, c, h, w) a level
        own : (n,) which training image each is or was made from, -1 for none; None at test
        """
        cells = [level.permute(2, 3, 0, 1).flatten(0, 1) for level in features]  # (p, n, c)
        banks = [self.items(level) for level in range(self.n_levels)]
        distances = [
            self._leave_out(_squared_distances(queries, bank), level, own)
            for level, (queries, bank) in enumerate(zip(cells, banks, strict=True))
        ]
        if self.granularity == "image":
            total = torch.stack([found.sum(dim=0) for found in distances]).sum(dim=0)
            nearest = [total.argmin(dim=1).expand(len(queries), -1) for queries in cells]
        else:
            nearest = [found.argmin(dim=2) for found in distances]
        return [
            self._difference(*parts) for parts in zip(features, cells, banks, nearest, strict=True)
        ]

    def replace(self, items: Sequence[Tensor]) -> None:
        """Take the same images' items from an encoder that has learned since; not for "patch"."""
        if self.granularity == "patch":
            raise ParameterError(
                "a memory of patches cannot be refreshed; choose image or position"
            )
        for level, item in enumerate(items):
            self.items(level).copy_(self._by_cell(item))

    def items(self, level: int) -> Tensor:
        """Return the (p, m, c) items of a level by cell; (1, m, c) for "patch"."""
        return self.get_buffer(f"items{level}")

    def _by_cell(self, items: Tensor) -> Tensor:
        if self.granularity == "patch":
            return items[None]
        return items.permute(2, 3, 0, 1).flatten(0, 1).contiguous()

    def _leave_out(self, distances: Tensor, level: int, own: Tensor | None) -> Tensor:
        if own is None:
            return distances
        is_own = (own[:, None] == self.get_buffer(f"owners{level}")[None]) & (own[:, None] >= 0)
        return distances.masked_fill(is_own, _ELSEWHERE)

    def _difference(
        self, features: Tensor, queries: Tensor, bank: Tensor, nearest: Tensor
    ) -> Tensor:
        n, c, h, w = features.shape
        index = nearest[..., None].expand(-1, -1, c)
        items = torch.gather(bank.expand(h * w, -1, -1), 1, index)
        return (queries - items).square().reshape(h, w, n, c).permute(2, 3, 0, 1)


def _squared_distances(queries: Tensor, bank: Tensor) -> Tensor:
    """Return (p, n, m) squared distances of (p, n, c) to (p or 1, m, c); no gradient: they only choose."""
    queries, bank = queries.detach(), bank.detach()
    cross = torch.matmul(queries, bank.transpose(1, 2))
    norms = queries.square().sum(dim=2, keepdim=True) + bank.square().sum(dim=2)[:, None]
    return norms - 2 * cross
