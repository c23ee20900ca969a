"""Settings of an export, and what it gives back."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from defectory.artifacts.exported import Certificate, Precision, RuntimeName
from defectory.domain import ParameterError


@dataclass(frozen=True)
class ExportOptions:
    """Settings of `export`, as on the command line.

    Attributes
    ----------
    to : runtime that is to run it: onnx or openvino
    precision : fp32; fp16, weights in half the bytes; int8, a backbone that computes in 8 bits
    accept_flips : write the folder though it decides some probes otherwise than the bundle
    """

    to: RuntimeName = "onnx"
    precision: Precision = "fp32"
    accept_flips: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (
            ("to", self.to, get_args(RuntimeName)),
            ("precision", self.precision, get_args(Precision)),
        ):
            if value not in known:
                raise ParameterError(f"{name} is {value!r}; give one of {', '.join(known)}")


@dataclass(frozen=True)
class Export:
    """What `export` gives back.

    Attributes
    ----------
    folder : that was written
    n_bytes : of the graph
    certificate : what the graph was measured to do
    promised : what its threshold keeps, in plain words
    notes : what a person should know
    """

    folder: Path
    n_bytes: int
    certificate: Certificate
    promised: str
    notes: tuple[str, ...] = ()
