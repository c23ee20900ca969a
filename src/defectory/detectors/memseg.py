"""`memseg`: memory of normal images, and a U-Net taught on simulated defects.

Source: Yang et al. 2023 (MemSeg, arXiv 2205.00908). Differs from it: a frozen EfficientNet-Lite0 through ONNX
Runtime for a ResNet18 whose stem trains; levels at 1/8, 1/16 and 1/32 of the side, so that it trains on a
CPU in minutes; photographs of scikit-image for the Describable Textures; GroupNorm for BatchNorm; the weights
kept are the best on held-out normals and defects simulated in them, never on a test set.
"""

from typing import ClassVar

from defectory.backbones import DEFAULT_BACKBONE, FeatureStore
from defectory.detectors.base import Capabilities
from defectory.detectors.segmentation.detector import SegmentationDetector


class MemSeg(SegmentationDetector):
    """MemSeg on frozen features: what MAPL must beat.

    Parameters
    ----------
    backbone, size_px, even_exposure, denoise, n_memory, n_steps, seed, cache : see `Mapl`

    Notes
    -----
    Cost: see `Mapl`.
    """

    name: ClassVar[str] = "memseg"
    capabilities: ClassVar[Capabilities] = Capabilities(
        uses_unlabeled=True,
        uses_labeled_anomalies=True,
        uses_masks=True,
        localizes=True,
        needs_torch=True,
    )

    encoder = "packaged"
    mix = "paper"
    foreground = "auto"
    memory = "image"
    memory_choice = "random"
    whitening = 0.0
    width = 1.0
    use_fusion = True
    use_coordinate_attention = True
    use_spatial_attention = True
    use_image_loss = False
    pseudo_gradient = False
    pseudo_simulated = False
    refresh_memory = False
    batch_size = 8
    learning_rate = 3e-3
    weight_decay = 5e-4
    warm_up_ratio = 0.1

    def __init__(
        self,
        *,
        backbone: str = DEFAULT_BACKBONE,
        size_px: int = 256,
        even_exposure: bool = True,
        denoise: bool = True,
        n_memory: int = 30,
        n_steps: int = 500,
        seed: int = 0,
        cache: FeatureStore | None = None,
    ) -> None:
        self.backbone = backbone
        self.size_px = size_px
        self.even_exposure = even_exposure
        self.denoise = denoise
        self.n_memory = n_memory
        self.n_steps = n_steps
        self.seed = seed
        self.cache = cache

    def _make_pseudo_label(self) -> None:
        return None
