"""A fit on disk: the bundle, and beside it the images that the fit distrusted."""

from collections.abc import Callable
from pathlib import Path

from defectory.artifacts import BUNDLE_FILE, write_bundle
from defectory.domain import NoProgress, Progress
from defectory.sources import read_dataset
from defectory.storage import OutputFile, check_outputs, write_outputs
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions, FitResult
from defectory.workflows.fitting.part_files import remove_parts
from defectory.workflows.suspects import SUSPECTS_FILE, suspects_path, write_suspects


def fit_to_bundle(
    data: Path,
    bundle: Path,
    options: FitOptions,
    *,
    parts: Path | None = None,
    collect: Callable[[], None] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[FitResult, Path | None]:
    """Fit a data set, write the bundle, and return the fit and where its suspects lie.

    Parameters
    ----------
    parts : see `fit_dataset`
    collect : makes these parts, when it is known that the bundle may be written; they do not stay

    Raises
    ------
    OutputError : said before the fit where bundle or suspects are, or lie in, what is read, or cannot be
        written; see `check_outputs`. See also `fit_dataset`.
    """
    progress = progress or NoProgress()
    dataset = read_dataset(data, good_words=options.good_words, bad_words=options.bad_words)
    inputs = [data, *dataset.files(), *([] if parts is None else [parts])]
    check_outputs(outputs_of(bundle), inputs=inputs, overwrite=overwrite, say=progress.say)
    if collect is not None:
        collect()
    result = fit_dataset(dataset, options, parts=parts, progress=progress)
    suspects = save_fit(result, bundle, overwrite=overwrite)
    if collect is not None and parts is not None:
        remove_parts(parts)
    return result, suspects


def save_fit(result: FitResult, bundle: Path, *, overwrite: bool = False) -> Path | None:
    """Write the bundle and, beside it, the images that the fit distrusted; return where these are.

    Returns
    -------
    None where nothing was distrusted; a list of an earlier fit is removed then

    Raises
    ------
    OutputError : a file cannot be written; neither is then.
    """
    outputs = outputs_of(bundle)
    with write_outputs(outputs, overwrite=overwrite) as (bundle_part, suspects_part):
        write_bundle(result.model.bundle, bundle_part)
        write_suspects(result.suspects, suspects_part, bundle.parent)
    return outputs[1].path if result.suspects else None


def outputs_of(bundle: Path) -> tuple[OutputFile, OutputFile]:
    """Return what `save_fit` writes: the bundle and the list of suspects beside it."""
    return OutputFile(bundle, BUNDLE_FILE), OutputFile(suspects_path(bundle), SUSPECTS_FILE)
