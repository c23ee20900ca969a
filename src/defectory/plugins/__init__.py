"""Detectors and backbones of other packages: found by their entry points, imported when asked for by name."""

from defectory.plugins.discovery import (
    Kind,
    Plugin,
    find_plugin,
    import_plugins,
    plugin_names,
    refuse_clash,
)

__all__ = [
    "Kind",
    "Plugin",
    "find_plugin",
    "import_plugins",
    "plugin_names",
    "refuse_clash",
]
