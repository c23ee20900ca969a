"""Any backbone that timm knows, behind the same interface (extra `timm`). Nothing is ever fetched."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from defectory.backbones.cards import Stage, WeightCard
from defectory.backbones.timm_export import CELL_PX, export_features
from defectory.backbones.weight_files import Tensors, fit_weights, hash_weights, read_weights
from defectory.domain import MissingExtraError, ParameterError
from defectory.domain.errors import one_line

# Sides that a backbone is shown are multiples of it.
_COARSEST_PX = 32
# Quarters of a transformer's blocks, whose ends are its stages.
_N_QUARTERS = 4
# What timm calls the files on its hub, the first choice first.
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


def convert_timm(
    name: str, weights: Path | None = None, *, pretrained: bool = True
) -> tuple[bytes, WeightCard]:
    """Return a timm model as ONNX with its feature stages, and its weight card.

    Convolutional networks give the stages that timm names; vision transformers the patch tokens, as a grid,
    at the end of each quarter of their blocks, without class and register tokens. An image is shown to
    patches of 14 px at 14/16 of its size: a patch is then one cell of 16 px, as with other networks.

    Parameters
    ----------
    name : as timm writes it, such as `resnet18.a1_in1k`
    weights : file to take, .safetensors or a state dict of torch; None takes what timm's cache on this
        machine has
    pretrained : False gives random weights, for tests

    Raises
    ------
    MissingExtraError : the extra `timm` is not installed.
    ParameterError : timm has no such model, there are no weights or they do not fit, or it gives no feature
        maps of images of any size.
    """
    timm = _import_timm(name)
    whole = _create(timm, name)
    settings = whole.pretrained_cfg
    origin, state, digest = "random weights", whole.state_dict(), ""
    if pretrained:
        path = weights or _find_cached(name, settings)
        digest = hash_weights(path)
        state = fit_weights(read_weights(path), whole, path, f"timm:{name}")
        origin = f"file {path.name}" if weights else _origin(settings)
    network = _feature_network(timm, name, whole, state)
    card = WeightCard(
        name=f"timm:{name}",
        source=f"timm {timm.__version__}, {origin}",
        license=_license(settings, weights) if pretrained else "none",
        mean=tuple(255.0 * m for m in settings["mean"]),
        scale=tuple(1.0 / (255.0 * s) for s in settings["std"]),
        input_px=int(settings["input_size"][-1]),
        stages=_stages(network, name),
        weights_sha256=digest,
    )
    try:
        model = export_features(network, card, patch_px=_patch_px(whole))
    except Exception as error:  # of the network, the exporter, or our reader of graphs
        raise ParameterError(
            f"timm:{name} does not give feature maps of images of any size: {one_line(error)}"
        ) from error
    if not pretrained:
        card = replace(card, weights_sha256=hashlib.sha256(model).hexdigest())
    return model, card


def _import_timm(name: str) -> Any:
    try:
        import timm
        import torch  # noqa: F401 - timm cannot do without
    except ImportError as error:
        raise MissingExtraError(f"the backbone timm:{name}", "timm") from error
    except RuntimeError as error:  # torch and torchvision of different builds
        raise ParameterError(
            f"timm cannot be loaded, torch and torchvision may not fit together: {one_line(error)}"
        ) from error
    return timm


def _create(timm: Any, name: str, **settings: Any) -> Any:
    """Return the network that timm builds; ParameterError if it cannot."""
    if ":" in name or "/" in name:
        raise ParameterError(
            f"timm:{name} is no name of timm's own, and nothing is fetched: name the architecture, and give "
            "the file of its weights"
        )
    try:
        with _quiet():
            return timm.create_model(name, **settings).eval()
    except Exception as error:  # timm raises many kinds
        raise ParameterError(f"timm cannot give features of {name!r}: {one_line(error)}") from error


def _feature_network(timm: Any, name: str, whole: Any, state: Tensors) -> Any:
    """Return the network that gives the stages of the whole one, with these weights."""
    settings: dict[str, Any] = {"features_only": True, "pretrained": True}
    if _patch_px(whole) is not None:
        n = len(whole.blocks)
        ends = tuple(-(-n * quarter // _N_QUARTERS) - 1 for quarter in range(1, _N_QUARTERS + 1))
        settings |= {"dynamic_img_size": True, "out_indices": ends}
    return _create(timm, name, pretrained_cfg_overlay={"state_dict": state}, **settings)


def _patch_px(network: Any) -> int | None:
    """Return the side of a vision transformer's patches; None for other networks."""
    if not (hasattr(network, "dynamic_img_size") and hasattr(network, "blocks")):
        return None
    return int(max(network.patch_embed.patch_size))


def _stages(network: Any, name: str) -> tuple[Stage, ...]:
    """Return the stages that fit images of our sizes, fine to coarse."""
    info = network.feature_info
    pairs = zip(info.reduction(), info.channels(), strict=True)
    stages = tuple(
        Stage(f"stage{i}", CELL_PX.get(stride, int(stride)), int(channels))
        for i, (stride, channels) in enumerate(pairs)
    )
    fitting = tuple(stage for stage in stages if _COARSEST_PX % stage.stride_px == 0)
    if not fitting:
        raise ParameterError(
            f"timm:{name} has cells of {', '.join(str(s.stride_px) for s in stages)} px; they must divide "
            f"{_COARSEST_PX}, or be patches of 14 px"
        )
    return fitting


def _origin(settings: Any) -> str:
    return str(settings.get("hf_hub_id") or settings.get("url") or "origin unknown")


def _license(settings: Any, weights: Path | None) -> str:
    if weights is not None:
        return "see where the file comes from"
    return str(settings.get("license") or "see the model's page")


def _find_cached(name: str, settings: Any) -> Path:
    """Return the file of weights that timm has kept on this machine; ParameterError if there is none."""
    import torch
    from huggingface_hub import try_to_load_from_cache

    files = (settings.get("hf_hub_filename"), *_HUB_FILES)
    for file in filter(None, files if settings.get("hf_hub_id") else ()):
        found = try_to_load_from_cache(settings["hf_hub_id"], file)
        if isinstance(found, str):
            return Path(found)
    url = str(settings.get("url") or "")
    downloaded = Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])
    if url and downloaded.is_file():
        return downloaded
    raise ParameterError(
        f"there are no weights of timm:{name} on this machine, and none are fetched: give their file "
        "(--weights FILE, weights= in Python); the page 'Take another backbone' says how to bring it here"
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep timm from logging what it loads."""
    logger = logging.getLogger("timm")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
