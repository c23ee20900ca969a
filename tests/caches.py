"""Cache folders of a test's own that hold the converted backbone: to convert it takes torch, and seconds."""

import shutil
from pathlib import Path

from defectory.backbones import DEFAULT_BACKBONE, load_backbone
from defectory.machine.cache_folder import user_cache_folder


def with_backbone(folder: Path) -> Path:
    """Copy what this session has converted into a cache folder, and return the folder."""
    load_backbone(DEFAULT_BACKBONE, ("block0",))
    shutil.copytree(user_cache_folder() / "backbones", folder / "backbones")
    return folder
