"""The whole network behind the encoder: standardize, compare with memory, segment."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from defectory.networks.feature_memory import FeatureMemory
from defectory.networks.segmentation import HeadConfig, SegmentationHead


class Whitening(nn.Module):
    """Standardizes features: (x - mean) P for each cell, P a fixed (c, c) matrix.

    Parameters
    ----------
    means, projections : a level, (c,) and (c, c)
    """

    def __init__(self, means: Sequence[Tensor], projections: Sequence[Tensor]) -> None:
        super().__init__()
        self.n_levels = len(means)
        for level, (mean, projection) in enumerate(zip(means, projections, strict=True)):
            self.register_buffer(f"mean{level}", mean)
            self.register_buffer(f"projection{level}", projection)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return (n, c, h, w) a level, of unit variance on normals where P whitens fully."""
        found = []
        for level, feature in enumerate(features):
            mean, projection = (
                self.get_buffer(f"{name}{level}") for name in ("mean", "projection")
            )
            centered = feature - mean[:, None, None]
            found.append(torch.einsum("nchw,cd->ndhw", centered, projection))
        return found


class Segmenter(nn.Module):
    """Levels of an encoder in; logits of map and image out.

    Parameters
    ----------
    whitening, memory, config : see there
    scales : a level's mean squared difference to memory on normals, > 0
        differences are divided by it, so that the attention's products stay near 1 on normals
    """

    def __init__(
        self,
        whitening: Whitening,
        memory: FeatureMemory,
        config: HeadConfig,
        scales: Sequence[float] = (1.0, 1.0, 1.0),
    ) -> None:
        super().__init__()
        self.whitening = whitening
        self.memory = memory
        self.head = SegmentationHead(config)
        self.register_buffer("scales", torch.tensor(list(scales), dtype=torch.float32))

    def forward(
        self, fine: Tensor, middle: Tensor, coarse: Tensor, own: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return (n, h, w) map logits and (n,) image logits; higher = more anomalous.

        Parameters
        ----------
        fine, middle, coarse : (n, c, h, w) features as the encoder gives them
        own : see FeatureMemory; None at test
        """
        features = self.whitening([fine, middle, coarse])
        scales = self.get_buffer("scales")
        differences = [
            difference / scales[level]
            for level, difference in enumerate(self.memory(features, own))
        ]
        logits, image_logits = self.head(features, differences)
        return logits[:, 1] - logits[:, 0], image_logits
