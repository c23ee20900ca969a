"""Wide residual networks on small images, with the three outputs that MCOD trains."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from defectory.networks.heads import ContrastHeads, ContrastNetwork, ContrastOutputs

_BASE_WIDTH = 16
_N_BLOCKS = 3
SIDE_PX = 32
"""Side of the images the networks are made for."""
_LAST_SIDE = 8
_CELL_CHANNELS = 16


class WideResNetEncoder(ContrastNetwork):
    """WideResNet-10-k: stem, three residual blocks of 16k, 32k and 64k channels, means over cells.

    Parameters
    ----------
    width : >= 1, the k; 4 as published for MCOD, 1 for a CPU
    n_slots : slots of the memory
    grid_side : 1, 2, 4 or 8; cells of the image, in each direction, whose means are the features, 16 a cell;
        1 takes the mean of all 64k channels over the whole image, as published

    Notes
    -----
    Source: Zagoruyko & Komodakis 2016; depth and width of MCOD's released code. BatchNorm must be in eval
    mode when images are scored, or their scores depend on their companions.
    """

    def __init__(self, width: int, n_slots: int, grid_side: int = 1) -> None:
        super().__init__()
        widths = [_BASE_WIDTH] + [_BASE_WIDTH * width * 2**i for i in range(_N_BLOCKS)]
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1, bias=False)
        self.blocks = nn.Sequential(
            *(
                _Block(n_in, n_out, stride)
                for n_in, n_out, stride in zip(widths, widths[1:], (1, 2, 2), strict=False)
            )
        )
        self.norm = nn.BatchNorm2d(widths[-1])
        self.width, self.grid_side = width, grid_side
        n_channels = widths[-1] if grid_side == 1 else _CELL_CHANNELS
        self.reduce: nn.Module = (
            nn.Identity() if grid_side == 1 else nn.Conv2d(widths[-1], n_channels, 1)
        )
        self.heads = ContrastHeads(n_channels * grid_side**2, n_slots)

    def forward(self, images: Tensor) -> ContrastOutputs:
        """Return features, embedding and slot logits.

        Parameters
        ----------
        images : (n, 32, 32, 3) uint8 or float, 0-255
        """
        hidden = images.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1.0
        hidden = self.reduce(self.norm(self.blocks(self.stem(hidden))).relu())
        means = avg_pool2d(hidden, _LAST_SIDE // self.grid_side)
        outputs: ContrastOutputs = self.heads(means.flatten(1))
        return outputs


class ScoringEncoder(nn.Module):
    """What of an encoder is shipped: features and slot logits, as maps of one cell.

    Both are (n, c, 1, 1), so that a room that reads backbones can read them.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and slot logits of (n, h, w, 3) uint8 images."""
        features, _, slots = self.encoder(image)
        return features[:, :, None, None], slots[:, :, None, None]


class _Block(nn.Module):
    """Two 3 x 3 convolutions, norm and ReLU before each, with a projected shortcut."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(n_in)
        self.first = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
        self.second = nn.Sequential(
            nn.BatchNorm2d(n_out), nn.ReLU(), nn.Conv2d(n_out, n_out, 3, padding=1, bias=False)
        )
        self.shortcut: nn.Module = (
            nn.Identity()
            if n_in == n_out and stride == 1
            else nn.Conv2d(n_in, n_out, 1, stride=stride, bias=False)
        )

    def forward(self, hidden: Tensor) -> Tensor:
        active = self.norm(hidden).relu()
        summed: Tensor = self.second(self.first(active)) + self.shortcut(active)
        return summed
