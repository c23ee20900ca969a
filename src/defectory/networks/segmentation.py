"""MemSeg's and MAPL's head: from features and their differences to memory, to a map and an image logit."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from defectory.networks.attention import CoordinateAttention, enlarge, spatial_attention

_GROUPS = 8
# Pixels whose mean is an image's score (both papers): the share of a 256 px image.
_TOP_RATIO = 100 / 256**2


@dataclass(frozen=True)
class HeadConfig:
    """What a head is made of.

    Attributes
    ----------
    n_channels : of the three levels, fine to coarse
    width : > 0, factor on the decoder's channels
    use_fusion : multi-scale feature fusion (MSFF); False passes each level to the decoder as it is
    use_coordinate_attention : in the fusion, as MemSeg; MAPL removed it
    use_spatial_attention : weight features by their distance to memory
    """

    n_channels: tuple[int, int, int]
    width: float = 1.0
    use_fusion: bool = True
    use_coordinate_attention: bool = False
    use_spatial_attention: bool = True


class SegmentationHead(nn.Module):
    """MSFF, spatial attention, decoder and image predictor q.

    Notes
    -----
    Source: Yang et al. 2023 (MemSeg), sections 3.2-3.4; Chen & Kang 2024 (MAPL). Differs: GroupNorm for
    BatchNorm, so that an image's score does not depend on its companions; the decoder stops at twice the
    finest level, and its logits are enlarged; q reads the fused features and the map, so that its losses
    move every part; differences enter the convolutions as their square roots, whose range suits a network
    better.
    """

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        widths = [2 * n for n in config.n_channels]  # features beside their differences
        if config.use_fusion:
            self.keep = nn.ModuleList(_keep_channels(n, config) for n in widths)
            self.align = nn.ModuleList(
                nn.Conv2d(coarse, fine, 1) for fine, coarse in itertools.pairwise(widths)
            )
        decoded = [_round(n * config.width) for n in (32, 48, 96)]
        self.decode = nn.ModuleList(
            [
                _convolution(widths[0] + decoded[1], decoded[0]),
                _convolution(widths[1] + decoded[2], decoded[1]),
                _convolution(widths[2], decoded[2]),
            ]
        )
        self.refine = _convolution(decoded[0], _round(16 * config.width))
        self.logits = nn.Conv2d(_round(16 * config.width), 2, 3, padding=1)
        self.predict = nn.Linear(2 * decoded[2] + 1, 1)

    def forward(
        self, features: Sequence[Tensor], differences: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the map's logits and q's logit.

        Parameters
        ----------
        features, differences : three levels each, fine to coarse, (n, c, h, w), each half the side of the one
            before; differences are squared

        Returns
        -------
        (n, 2, 4h, 4w) logits of normal and anomalous, h and w those of the finest level
        (n,) logit of the image being anomalous
        """
        fused = self._fuse(features, differences)
        coarse: Tensor = self.decode[2](fused[2])
        hidden = self.decode[1](torch.cat([fused[1], enlarge(coarse, fused[1])], dim=1))
        hidden = self.decode[0](torch.cat([fused[0], enlarge(hidden, fused[0])], dim=1))
        hidden = self.refine(interpolate(hidden, scale_factor=2.0, mode="nearest"))
        logits = interpolate(
            self.logits(hidden), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        evidence = [coarse.mean(dim=(2, 3)), coarse.amax(dim=(2, 3)), top_logit(logits)[:, None]]
        return logits, self.predict(torch.cat(evidence, dim=1))[:, 0]

    def _fuse(self, features: Sequence[Tensor], differences: Sequence[Tensor]) -> list[Tensor]:
        together = [
            torch.cat([feature, (difference + 1e-6).sqrt()], dim=1)
            for feature, difference in zip(features, differences, strict=True)
        ]
        if not self.config.use_fusion:
            return self._attend(together, differences)
        kept = [keep(level) for keep, level in zip(self.keep, together, strict=True)]
        for level in (1, 0):  # coarse to fine
            kept[level] = kept[level] + self.align[level](enlarge(kept[level + 1], kept[level]))
        return self._attend(kept, differences)

    def _attend(self, levels: list[Tensor], differences: Sequence[Tensor]) -> list[Tensor]:
        if not self.config.use_spatial_attention:
            return levels
        maps = spatial_attention(differences)
        return [level * attention for level, attention in zip(levels, maps, strict=True)]


def top_logit(logits: Tensor) -> Tensor:
    """Return (n,) the mean of the highest margins (anomalous - normal) of (n, 2, h, w) logits."""
    margins = (logits[:, 1] - logits[:, 0]).flatten(1)
    return margins.topk(max(1, int(_TOP_RATIO * margins.shape[1])), dim=1).values.mean(dim=1)


def _keep_channels(n_channels: int, config: HeadConfig) -> nn.Module:
    convolution = nn.Conv2d(n_channels, n_channels, 3, padding=1)
    if not config.use_coordinate_attention:
        return convolution
    return nn.Sequential(convolution, CoordinateAttention(n_channels))


def _convolution(n_in: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.GroupNorm(_GROUPS, n_out), nn.ReLU()
    )


def _round(width: float) -> int:
    """Return the nearest multiple of the groups' number, at least one of it."""
    return max(1, round(width / _GROUPS)) * _GROUPS
