"""Every error a user can cause. The text says what is wrong, where, and what to do.

::

    DefectoryError
    ├── DataError            the data set as a whole cannot be used
    │   ├── ImageReadError   one image cannot be read
    │   ├── MaskError        one mask cannot be read or does not fit its image
    │   ├── ManifestError    a CSV, JSONL or Parquet manifest does not parse
    │   └── ShardsError      of the shards of a collection some are missing, damaged or of another run
    ├── BundleError          a bundle is corrupt, truncated, hostile or from a newer version
    ├── CheckpointError      a checkpoint of a training run is damaged or another run's
    ├── ParameterError       an argument is out of its range (a ValueError too)
    ├── NotFittedError       score() before fit()
    ├── MissingExtraError    an optional dependency is not installed (an ImportError too)
    ├── ExportError          a bundle cannot be exported, or what was exported is damaged or decides otherwise
    ├── PluginError          a detector or backbone of another package is missing, refused or broken
    ├── ResourceError        the work does not fit the memory or time that was allowed
    ├── WorseError           new labels would make decisions worse on what is known
    └── OutputError          the result cannot be written where it was asked for
"""


class DefectoryError(Exception):
    """Base of all errors that a user can act on; the CLI prints the text and no traceback."""


class DataError(DefectoryError):
    """The data cannot be used as they are."""


class ImageReadError(DataError):
    """An image cannot be read."""


class MaskError(DataError):
    """A mask cannot be read or does not fit its image."""


class ManifestError(DataError):
    """A manifest does not parse; `headline` says so, `problems` lists what is wrong, if more than one."""

    def __init__(self, headline: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__("\n  ".join((headline, *problems)))
        self.headline = headline
        self.problems = tuple(problems)


class ShardsError(DataError):
    """Shards do not make one collection; `headline` says so, `problems` what is wrong, with what to run."""

    def __init__(self, headline: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__("\n  ".join((headline, *problems)))
        self.headline = headline
        self.problems = tuple(problems)


class BundleError(DefectoryError):
    """A bundle is corrupt, truncated, hostile or written by a newer version."""


class CheckpointError(DefectoryError):
    """A checkpoint of a training run is damaged or another run's."""


class ParameterError(DefectoryError, ValueError):
    """An argument is out of its range."""


class NotFittedError(DefectoryError):
    """A detector was asked to score before it was fitted."""


class WorseError(DefectoryError):
    """New labels would make decisions worse on what is known; nothing was written."""


class ResourceError(DefectoryError):
    """The work does not fit the memory or time that was allowed."""


class OutputError(DefectoryError):
    """A result cannot be written where it was asked for."""


class ExportError(DefectoryError):
    """A bundle cannot be exported, or what was exported is damaged or decides otherwise."""


class PluginError(DefectoryError):
    """A detector or backbone of another package is missing, not allowed to run, or broken."""


class MissingExtraError(DefectoryError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs an optional part that is not installed: "
            f'run  pip install "defectory[{extra}]"'
        )


def one_line(error: BaseException, most_letters: int = 200) -> str:
    """Return what an error of other packages says, in one line of at most so many letters."""
    told = " ".join(str(error).split()) or type(error).__name__
    return told if len(told) <= most_letters else told[: most_letters - 3] + "..."
