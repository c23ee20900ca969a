"""Attention over places: MemSeg's spatial attention by differences to memory, and coordinate attention."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


def spatial_attention(differences: Sequence[Tensor]) -> list[Tensor]:
    """Return a weight map a level: where all coarser levels differ from memory, too.

    M3 = mean_c(DI_3), M2 = mean_c(DI_2) * up(M3), M1 = mean_c(DI_1) * up(M2).

    Parameters
    ----------
    differences : (n, c, h, w) squared differences to memory, fine to coarse

    Returns
    -------
    (n, 1, h, w) a level, fine to coarse

    Notes
    -----
    Source: Yang et al. 2023 (MemSeg), section 3.3; kept by MAPL. Products of three levels.
    """
    maps: list[Tensor] = []
    for difference in reversed(differences):
        mean = difference.mean(dim=1, keepdim=True)
        if maps:
            mean = mean * enlarge(maps[-1], mean)
        maps.append(mean)
    return maps[::-1]


def enlarge(tensor: Tensor, like: Tensor) -> Tensor:
    """Return the tensor, bilinearly resized to the grid of another."""
    return interpolate(tensor, size=like.shape[-2:], mode="bilinear", align_corners=False)


class CoordinateAttention(nn.Module):
    """Channel weights that know row and column.

    Source: Hou et al. 2021. MemSeg uses it, MAPL removed it (its ablation found no gain); here for the
    ablation. Differs: GroupNorm for BatchNorm.
    """

    def __init__(self, n_channels: int, reduction: int = 8) -> None:
        super().__init__()
        n_hidden = max(8, n_channels // reduction)
        self.squeeze = nn.Sequential(
            nn.Conv2d(n_channels, n_hidden, 1), nn.GroupNorm(1, n_hidden), nn.Hardswish()
        )
        self.rows = nn.Conv2d(n_hidden, n_channels, 1)
        self.columns = nn.Conv2d(n_hidden, n_channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return (n, c, h, w), weighted."""
        n_rows = features.shape[2]
        by_row = features.mean(dim=3, keepdim=True)
        by_column = features.mean(dim=2, keepdim=True).transpose(2, 3)
        hidden = self.squeeze(torch.cat([by_row, by_column], dim=2))
        rows, columns = hidden[:, :, :n_rows], hidden[:, :, n_rows:].transpose(2, 3)
        weighted: Tensor = features * self.rows(rows).sigmoid() * self.columns(columns).sigmoid()
        return weighted
