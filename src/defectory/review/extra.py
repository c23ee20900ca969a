"""Which extra is missing, said before anything else of the page is loaded."""

from importlib.util import find_spec

from defectory.domain import MissingExtraError

_PACKAGES = ("starlette", "uvicorn")


def check_extra() -> None:
    """Raise MissingExtraError where the packages that serve the page are not installed."""
    if any(find_spec(package) is None for package in _PACKAGES):
        raise MissingExtraError("defectory review", "review")
