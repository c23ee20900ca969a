"""A convolutional encoder trained from scratch.

Source: Chen & Kang 2024 (MAPL), after Larsen et al. 2016 (VAE/GAN). The paper gives the widths of levels
2-4 and LeakyReLU; kernel sizes and normalization were not found: 5 x 5 kernels and GroupNorm here, which,
unlike BatchNorm, scores an image the same in any company.
"""

import torch
from torch import Tensor, nn

_GROUPS = 8
_LEVEL_WIDTHS = (32, 64, 128, 256)


class ScratchEncoder(nn.Module):
    """Levels 2, 3 and 4 of a strided encoder: 64, 128 and 256 channels at 1/4, 1/8 and 1/16 of the side.

    Parameters
    ----------
    width : > 0, factor on all channel counts; rounded to multiples of 8
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        widths = [max(1, round(n * width / _GROUPS)) * _GROUPS for n in _LEVEL_WIDTHS]
        self.n_channels = tuple(widths[1:])
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(n_in, n_out, 5, stride=2, padding=2, bias=False),
                nn.GroupNorm(_GROUPS, n_out),
                nn.LeakyReLU(0.2),
            )
            for n_in, n_out in zip((3, *widths), widths, strict=False)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three levels, fine to coarse.

        Parameters
        ----------
        images : (n, h, w, 3) uint8 or float, 0-255; h and w multiples of 16
        """
        hidden = images.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1.0
        levels = []
        for level in self.levels:
            hidden = level(hidden)
            levels.append(hidden)
        return levels[1], levels[2], levels[3]
