"""An exported folder checked on the machine that is to run it; the bundle is not needed."""

from dataclasses import dataclass
from pathlib import Path

from defectory.artifacts.exported import CERTIFICATE, Certificate, as_json
from defectory.storage.members import replace_member
from defectory.workflows.exporting.certify import certify


@dataclass(frozen=True)
class Verification:
    """What `verify` gives back.

    Attributes
    ----------
    certificate : what the graph was measured to do here
    is_written : whether it could be written into the folder
    """

    certificate: Certificate
    is_written: bool


def verify_folder(folder: Path) -> Verification:
    """Score the probes of an exported folder on this machine, and write the certificate into it.

    Raises
    ------
    ExportError : a file is missing or damaged, or the runtime does not take the graph.
    MissingExtraError : the runtime is not installed.
    """
    certificate = certify(folder)
    try:
        replace_member(folder, CERTIFICATE, as_json(certificate))
    except OSError:  # a folder that may only be read
        return Verification(certificate, is_written=False)
    return Verification(certificate, is_written=True)
