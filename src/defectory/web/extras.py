"""Which extra is missing, said before anything else of a server is loaded."""

from collections.abc import Iterable
from importlib.util import find_spec

from defectory.domain import MissingExtraError


def check_extra(command: str, extra: str, modules: Iterable[str]) -> None:
    """Raise MissingExtraError where a module that a command needs is not installed.

    Parameters
    ----------
    command : that needs it, as in "defectory review"
    extra : to install
    modules : names at the top, that the extra brings
    """
    if any(find_spec(module) is None for module in modules):
        raise MissingExtraError(command, extra)
