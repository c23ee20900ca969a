"""Backbones of other packages: what they give is checked before it is used."""

import hashlib
from dataclasses import replace

from defectory.backbones.cards import WeightCard
from defectory.backbones.sessions import Network
from defectory.domain import BundleError, DefectoryError, PluginError
from defectory.plugins import Plugin


def convert_plugin(plugin: Plugin) -> tuple[bytes, WeightCard]:
    """Return the ONNX model and weight card of a plug-in, importing it.

    The card says which package it comes from, and its checksum is that of the model: cached features are not
    taken for those of another version.

    Raises
    ------
    PluginError : it does not import, fails, or gives no model and card that fit together.
    """
    convert = plugin.load()
    try:
        model, card = convert()
    except DefectoryError:
        raise
    except Exception as error:  # foreign code can fail in any way
        raise _broken(plugin, " ".join(str(error).split()) or type(error).__name__) from error
    if not isinstance(model, bytes) or not isinstance(card, WeightCard):
        raise _broken(plugin, "it gives no ONNX bytes with a WeightCard")
    if card.name != plugin.name:
        raise _broken(plugin, f"its weight card is of {card.name!r}")
    try:
        Network(model, [stage.name for stage in card.stages], what="the backbone")
    except BundleError as error:
        raise _broken(plugin, str(error)) from error
    sha256 = hashlib.sha256(model).hexdigest()
    return model, replace(card, provider=plugin.provider, weights_sha256=sha256)


def _broken(plugin: Plugin, reason: str) -> PluginError:
    return PluginError(
        f"the backbone {plugin.name!r} of {plugin.provider} cannot be used ({reason}): "
        f"update {plugin.provider.name}, or ask its makers"
    )
