"""Any backbone that timm knows, behind the same interface (extra `timm`)."""

import hashlib
import io
import warnings
from typing import Any

from defectory.backbones.cards import Stage, WeightCard
from defectory.domain import MissingExtraError, ParameterError

_EXPORT_PX, _OTHER_PX = 256, 128


def convert_timm(name: str, *, pretrained: bool = True) -> tuple[bytes, WeightCard]:
    """Return a timm model as ONNX with its feature stages, and its weight card.

    Parameters
    ----------
    name : as timm writes it, such as `resnet18.a1_in1k`
    pretrained : load the published weights (timm fetches them once, which needs a network); False gives
        random weights, for tests

    Raises
    ------
    MissingExtraError : the extra `timm` is not installed.
    ParameterError : timm has no such model, its weights cannot be had, or it gives no feature maps of
        images of any size.
    """
    try:
        import timm
        import torch
    except ImportError as error:
        raise MissingExtraError(f"the backbone timm:{name}", "timm") from error
    try:
        network = timm.create_model(name, pretrained=pretrained, features_only=True)
    except Exception as error:  # timm and its hub client raise many kinds
        raise ParameterError(f"timm cannot give features of {name!r}: {error}") from error
    network.eval()
    info = network.feature_info
    stages = tuple(
        Stage(f"stage{i}", int(stride), int(channels))
        for i, (stride, channels) in enumerate(zip(info.reduction(), info.channels(), strict=True))
    )
    settings = network.pretrained_cfg
    mean = tuple(255.0 * m for m in settings["mean"])
    scale = tuple(1.0 / (255.0 * s) for s in settings["std"])
    card = WeightCard(
        name=f"timm:{name}",
        source=f"timm {timm.__version__}, {_origin(settings) if pretrained else 'random weights'}",
        license=str(settings.get("license") or "see the model's page") if pretrained else "none",
        mean=mean,
        scale=scale,
        input_px=int(settings["input_size"][-1]),
        stages=stages,
        weights_sha256=_hash_weights(network),
    )
    try:
        _check_maps(torch, network, card)
        return _export(torch, network, card), card
    except Exception as error:  # a network may refuse the size, the exporter an operator
        raise ParameterError(
            f"timm:{name} does not give feature maps of images of any size: {error}"
        ) from error


def _origin(settings: Any) -> str:
    return str(settings.get("hf_hub_id") or settings.get("url") or "origin unknown")


def _check_maps(torch: Any, network: Any, card: WeightCard) -> None:
    """Raise ValueError unless every stage is (n, c, h / stride, w / stride)."""
    with torch.no_grad():
        maps = network(torch.zeros(1, 3, _OTHER_PX, _OTHER_PX))
    for stage, features in zip(card.stages, maps, strict=True):
        n_cells = _OTHER_PX // stage.stride_px
        found, expected = tuple(features.shape), (1, stage.n_channels, n_cells, n_cells)
        if found != expected:
            raise ValueError(f"{stage.name} has shape {found}, not {expected}")


def _hash_weights(network: Any) -> str:
    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(key.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def _export(torch: Any, network: Any, card: WeightCard) -> bytes:
    class FromPixels(torch.nn.Module):  # type: ignore[misc]
        """uint8 RGB, channels last -> all stages."""

        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.register_buffer("mean", torch.tensor(card.mean).view(1, -1, 1, 1))
            self.register_buffer("scale", torch.tensor(card.scale).view(1, -1, 1, 1))

        def forward(self, image: Any) -> Any:
            pixels = image.permute(0, 3, 1, 2).float()
            return tuple(self.network((pixels - self.mean) * self.scale))

    names = [stage.name for stage in card.stages]
    free = {0: "n", 2: "h", 3: "w"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated, but keeps sizes free
        torch.onnx.export(
            FromPixels().eval(),
            (torch.zeros(1, _EXPORT_PX, _EXPORT_PX, 3, dtype=torch.uint8),),
            buffer,
            input_names=["image"],
            output_names=names,
            dynamic_axes={"image": {0: "n", 1: "h", 2: "w"}, **dict.fromkeys(names, free)},
            opset_version=17,
            dynamo=False,
        )
    return buffer.getvalue()
