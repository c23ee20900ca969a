"""Where what can be made again is kept between runs."""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "DEFECTORY_CACHE"
"""Environment variable that names another folder."""


def user_cache_folder() -> Path:
    """Return the folder of features, converted weights and interrupted training; it need not exist.

    `DEFECTORY_CACHE` names it; else it is `defectory` in the user's cache folder, where `XDG_CACHE_HOME` says
    that is.
    """
    told = os.environ.get(CACHE_VARIABLE, "").strip()
    if told:
        return Path(told).expanduser()
    return Path(platformdirs.user_cache_dir("defectory"))
