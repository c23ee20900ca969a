"""Which detectors there are. A class is imported when it is asked for: scoring needs only its own."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from defectory.detectors.base import Detector
from defectory.domain import ParameterError, PluginError, Provider

if TYPE_CHECKING:
    from defectory.plugins import Plugin

DETECTORS: Mapping[str, str] = {
    "auto": "defectory.detectors.auto:Auto",
    "gaussian": "defectory.detectors.gaussian:Gaussian",
    "patch-memory": "defectory.detectors.patch_memory:PatchMemory",
    "memseg": "defectory.detectors.memseg:MemSeg",
    "mapl": "defectory.detectors.mapl:Mapl",
    "mcod": "defectory.detectors.mcod:Mcod",
}
"""Name -> module and class of what is built in; the names are the command line's."""

DEFAULT_DETECTOR = "auto"


def detector_names() -> tuple[str, ...]:
    """Return the names of the built-in detectors, in the order in which they are shown."""
    return tuple(DETECTORS)


def find_detector(name: str) -> type[Detector]:
    """Return the class that a user asks for by name, importing its module and no other's.

    A plug-in is imported, too: asking for it by name is leave to run it. What a bundle names is looked up
    by `find_bundled_detector`.

    Raises
    ------
    ParameterError : no detector has that name.
    PluginError : several packages offer it, one takes a built-in name, or the plug-in is broken.
    """
    from defectory.plugins import find_plugin, plugin_names, refuse_clash

    if name in DETECTORS:
        refuse_clash("detector", name)
        return _import_built_in(name)
    plugin = find_plugin("detector", name)
    if plugin is None:
        from defectory.domain.nearest import did_you_mean  # of mistyped names only

        names = (*DETECTORS, *plugin_names("detector"))
        raise ParameterError(
            f"no detector is named {name!r}; there are {', '.join(names)}{did_you_mean(name, names)}"
        )
    return _import_plugin(plugin)


def find_bundled_detector(name: str, provider: Provider | None) -> type[Detector]:
    """Return the class that a bundle names; a plug-in only where this process has imported it already.

    Parameters
    ----------
    name : of the detector
    provider : the package it came from, None for a built-in one

    Raises
    ------
    ParameterError : no built-in detector has that name.
    PluginError : the plug-in is not installed, is another package's, was not allowed to run, or is broken.
    """
    if provider is None:
        if name not in DETECTORS:
            raise ParameterError(f"no detector is named {name!r} in this version; update defectory")
        return _import_built_in(name)
    plugin = _find_plugin(name)
    if plugin is None or plugin.provider.key != provider.key:
        raise PluginError(
            f"its detector {name!r} comes from the package {provider}, which is not installed: "
            f"if you trust that package, run  {provider.install_command}"
        )
    if not plugin.is_imported:
        raise PluginError(
            f"its detector {name!r} comes from the package {plugin.provider}, and a bundle does not make "
            f"foreign code run: if you trust that package, add  --allow-plugins {plugin.provider.name}  "
            f"(in Python: allow_plugins={plugin.provider.name!r})"
        )
    return _import_plugin(plugin)


def provider_of(detector: Detector) -> Provider | None:
    """Return the package that a detector comes from, as a bundle names it; None for a built-in one.

    Raises
    ------
    PluginError : no name leads to its class, so that a bundle of it could not be loaded again.
    """
    plugin = _find_plugin(detector.name)
    if plugin is not None:
        registered = _import_plugin(plugin)
    elif detector.name in DETECTORS:
        registered = _import_built_in(detector.name)
    else:
        raise PluginError(
            f"no installed package offers a detector named {detector.name!r}, so that its bundle could "
            "not be loaded: give its package an entry point in the group defectory.detectors"
        )
    if type(detector) is not registered:
        raise PluginError(
            f"{_path(type(detector))} is not the detector named {detector.name!r}, which is "
            f"{_path(registered)}: give it a name of its own"
        )
    return None if plugin is None else plugin.provider


def _import_built_in(name: str) -> type[Detector]:
    module, _, attribute = DETECTORS[name].partition(":")
    found: type[Detector] = getattr(importlib.import_module(module), attribute)
    return found


def _find_plugin(name: str) -> "Plugin | None":
    """Return the plug-in of that name, which is not built in; scoring with what is looks for none."""
    if name in DETECTORS:
        return None
    from defectory.plugins import find_plugin

    return find_plugin("detector", name)


def _import_plugin(plugin: "Plugin") -> type[Detector]:
    found: Any = plugin.load()
    if not isinstance(found, type) or not issubclass(found, Detector):
        raise PluginError(
            f"the detector {plugin.name!r} of {plugin.provider} is no class of defectory.detectors.Detector: "
            f"update {plugin.provider.name}, or uninstall it"
        )
    if found.name != plugin.name:
        raise PluginError(
            f"{plugin.provider} offers the detector {plugin.name!r}, which calls itself {found.name!r}: "
            f"update {plugin.provider.name}, or uninstall it"
        )
    return found


def _path(found: type) -> str:
    return f"{found.__module__}.{found.__qualname__}"
