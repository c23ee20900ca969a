"""What `Model.export` does, and `defectory.verify`."""

import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from defectory.api.datasets import as_dataset
from defectory.api.images import Images
from defectory.api.paths import AnyPath, as_path
from defectory.api.settings import check_flags, check_progress, check_text
from defectory.api.warnings import warn
from defectory.domain import Progress
from defectory.workflows.calibrated import CalibratedDetector

if TYPE_CHECKING:
    from defectory.artifacts.exported import Certificate


def export_to_folder(
    model: CalibratedDetector,
    path: AnyPath,
    *,
    to: str,
    precision: str,
    images: Images | None,
    accept_flips: bool,
    overwrite: bool,
    progress: Progress | None,
) -> "Certificate":
    """Write a model as a folder that other runtimes run; see `Model.export`."""
    from defectory.workflows.exporting.export import export_model  # scoring needs none of it
    from defectory.workflows.exporting.options import ExportOptions

    check_text(to=to, precision=precision)
    check_flags(accept_flips=accept_flips, overwrite=overwrite)
    check_progress(progress)
    options = ExportOptions(to, precision, accept_flips)  # type: ignore[arg-type]
    good = None if images is None else as_dataset(images)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "model.defectory"
        model.save(bundle)
        digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    found = export_model(
        model,
        as_path(path, "path"),
        options,
        bundle_sha256=digest,
        good=good,
        overwrite=overwrite,
        progress=progress,
    )
    warn(found.notes)
    return found.certificate


def verify(path: AnyPath) -> "Certificate":
    """Return what an exported model does with its probes on this machine, beside what the model said of them.

    Neither the model nor what fits one is needed. The certificate is also written into the folder, where that
    can be written. `is_ok` says whether it may be trusted: no probe is decided otherwise.

    Parameters
    ----------
    path : str or Path
        of a folder that `Model.export` or `defectory export` wrote

    Raises
    ------
    ExportError : a file is missing or damaged, or the runtime does not take the graph.
    MissingExtraError : the runtime is not installed.
    """
    from defectory.workflows.exporting.verify import verify_folder  # scoring needs none of it

    return verify_folder(as_path(path, "path")).certificate
