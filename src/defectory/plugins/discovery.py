"""Entry points of installed packages: listed without an import, imported when asked for by name."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from defectory.domain.errors import PluginError
from defectory.domain.providers import Provider, normalize

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Kind = Literal["detector", "backbone"]
"""What a plug-in gives; its entry point is in the group `defectory.detectors` or `defectory.backbones`."""


@dataclass(frozen=True)
class Plugin:
    """A detector or backbone that an installed package offers.

    Attributes
    ----------
    kind : what it is
    name : what users ask for it by
    provider : the package
    entry_point : where it is
    """

    kind: Kind
    name: str
    provider: Provider
    entry_point: "EntryPoint"

    @property
    def is_imported(self) -> bool:
        """Whether this process has run its module already."""
        return self.entry_point.module in sys.modules

    def load(self) -> Any:
        """Import it, which runs the package's code, and return it.

        Raises
        ------
        PluginError : it does not import.
        """
        try:
            return self.entry_point.load()
        except (Exception, SystemExit) as error:  # a foreign module can fail in any way
            reason = " ".join(str(error).split()) or type(error).__name__
            raise PluginError(
                f"the {self.kind} {self.name!r} of {self.provider} does not import ({reason}): "
                f"update {self.provider.name}, or uninstall it"
            ) from error


def plugin_names(kind: Kind) -> tuple[str, ...]:
    """Return the names that installed packages offer, sorted; nothing is imported."""
    return tuple(sorted({plugin.name for plugin in _plugins(kind)}))


def find_plugin(kind: Kind, name: str) -> Plugin | None:
    """Return the plug-in of that name, or None; nothing is imported.

    Raises
    ------
    PluginError : several packages offer that name.
    """
    found = {plugin.provider.key: plugin for plugin in _plugins(kind) if plugin.name == name}
    if len(found) > 1:
        providers = " and ".join(str(plugin.provider) for plugin in found.values())
        raise PluginError(f"{providers} both offer a {kind} named {name!r}: uninstall one of them")
    return next(iter(found.values()), None)


def refuse_clash(kind: Kind, name: str) -> None:
    """Raise PluginError where an installed package offers what is built in under that name."""
    plugin = find_plugin(kind, name)
    if plugin is not None:
        raise PluginError(
            f"{plugin.provider} offers a {kind} named {name!r}, which is a name of defectory's own: "
            f"uninstall {plugin.provider.name}, and ask its makers for another name"
        )


def import_plugins(packages: Iterable[str]) -> None:
    """Import all plug-ins of the named packages, so that bundles may use them.

    Raises
    ------
    PluginError : a package is not installed, offers no plug-in or does not import.
    """
    for package in packages:
        key = normalize(package)
        kinds: tuple[Kind, ...] = ("detector", "backbone")
        plugins = [p for kind in kinds for p in _plugins(kind) if p.provider.key == key]
        if not plugins:
            raise PluginError(
                f"no installed package named {package!r} offers detectors or backbones; "
                "look at  pip list  for its name"
            )
        for plugin in plugins:
            plugin.load()


def _plugins(kind: Kind) -> Iterator[Plugin]:
    from importlib.metadata import entry_points  # slow to load, and seldom needed

    for entry_point in entry_points(group=f"defectory.{kind}s"):
        distribution = entry_point.dist
        if distribution is None:
            continue
        try:
            provider = Provider(distribution.name, distribution.version)
        except ValueError:
            continue  # not installed by pip: no bundle could name it
        yield Plugin(kind, entry_point.name, provider, entry_point)
