"""Weight cards: what a frozen feature extractor is made of, so that a result can name it."""

from dataclasses import asdict, dataclass
from typing import Any

from defectory.domain import Provider

DEFAULT_BACKBONE = "efficientnet-lite0"

LITE0_STAGES = {
    "block2": (4, 24), "block4": (8, 40), "block7": (16, 80), "block10": (16, 112),
    "block14": (32, 192), "block15": (32, 320),
}  # fmt: skip
"""Of the stages of EfficientNet-Lite0 that detectors ask for: pixels a cell, and channels.

Any backbone answers to these names, see `equivalents`."""


@dataclass(frozen=True)
class Stage:
    """One output of a backbone.

    Attributes
    ----------
    name : the name of the ONNX output
    stride_px : input pixels per cell, in both directions
    n_channels : width of the features
    """

    name: str
    stride_px: int
    n_channels: int


@dataclass(frozen=True)
class WeightCard:
    """Where weights come from, and how images must reach them.

    Attributes
    ----------
    name : short name, as the user writes it
    source, license : of the weights
    mean, scale : the input is (pixel - mean) * scale on 0-255 RGB; the ONNX graph does it itself
    input_px : the size the network was trained for
    stages : all outputs, fine to coarse
    weights_sha256 : of the file the weights were converted from; of a plug-in's, of its ONNX model
    provider : the package that a plug-in came from, None for what is built in; set when it is loaded
    """

    name: str
    source: str
    license: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    input_px: int
    stages: tuple[Stage, ...]
    weights_sha256: str
    provider: Provider | None = None

    @property
    def id(self) -> str:
        """Name and checksum, short enough to print beside every result, and a plug-in's package."""
        origin = f" ({self.provider})" if self.provider else ""
        return f"{self.name}@{self.weights_sha256[:12]}{origin}"

    def stage(self, name: str) -> Stage:
        """Return the stage of that name; KeyError if there is none."""
        return {stage.name: stage for stage in self.stages}[name]

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "WeightCard":
        """Return the card that `to_dict` described; KeyError, TypeError or ValueError if it is none."""
        provider = data["provider"]
        stages = tuple(
            Stage(str(s["name"]), int(s["stride_px"]), int(s["n_channels"])) for s in data["stages"]
        )
        return cls(
            name=str(data["name"]),
            source=str(data["source"]),
            license=str(data["license"]),
            mean=tuple(float(v) for v in data["mean"]),
            scale=tuple(float(v) for v in data["scale"]),
            input_px=int(data["input_px"]),
            stages=stages,
            weights_sha256=str(data["weights_sha256"]),
            provider=None if provider is None else Provider(**provider),
        )
