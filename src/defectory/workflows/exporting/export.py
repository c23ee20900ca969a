"""A bundle written as a folder that other runtimes run, certified before it is there."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from defectory.artifacts.checksums import write_sums
from defectory.artifacts.exported import CERTIFICATE, DECISION, README, Certificate, as_json
from defectory.artifacts.probes import Probe
from defectory.domain import ExportError, NoProgress, Progress
from defectory.sources import Dataset
from defectory.sources.layouts import spell_out
from defectory.storage import OutputFolder, check_outputs, write_outputs
from defectory.workflows.calibrated import CalibratedDetector, load_hashed, refuse_swapped
from defectory.workflows.exporting.decisions import describe_decision
from defectory.workflows.exporting.fresh_process import certify_afresh
from defectory.workflows.exporting.graphs import (
    GraphFiles,
    exact_files,
    exact_graph,
    half_files,
    opened,
    quantized_files,
)
from defectory.workflows.exporting.options import Export, ExportOptions
from defectory.workflows.exporting.readme import write_readme
from defectory.workflows.exporting.references import References, make_references, write_references
from defectory.workflows.exporting.refitting import refitted
from defectory.workflows.recalibrating.good_images import check_good_images, read_good_images


@dataclass(frozen=True)
class _Graph:
    """The graph to ship, the model that decides by it, and what is to be said of it."""

    files: GraphFiles
    model: CalibratedDetector
    notes: tuple[str, ...] = ()


def export_bundle(
    bundle: Path,
    folder: Path,
    options: ExportOptions | None = None,
    *,
    images: Sequence[Path] = (),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Export:
    """Write a bundle as a folder that a runtime alone can decide by, whole or not at all.

    Parameters
    ----------
    bundle : stays as it is
    folder : to write; must not exist unless an earlier export may be replaced
    images : good ones, in files, folders, manifests and patterns: for int8, or a bundle without probes
    overwrite : an earlier export may be replaced

    Raises
    ------
    ExportError : the detector cannot be exported, or the graph decides otherwise than the bundle, which is
        not accepted; nothing is written then.
    MissingExtraError : the extra `export` or `openvino` is not installed.
    BundleError, DataError : bundle or images cannot be used.
    OutputError : the folder cannot be written.
    """
    progress = progress or NoProgress()
    refuse_swapped(bundle, images)
    found = [path for given in images for path in spell_out(given)]
    outputs = [OutputFolder(folder, "export")]
    check_outputs(outputs, inputs=[bundle, *found], overwrite=overwrite)
    good = read_good_images(found) if found else None
    inputs = [bundle, *found, *(good.files() if good else ())]
    check_outputs(outputs, inputs=inputs, overwrite=overwrite, say=progress.say)
    model, digest = load_hashed(bundle)
    return export_model(
        model,
        folder,
        options or ExportOptions(),
        good=good,
        bundle_sha256=digest,
        overwrite=overwrite,
        progress=progress,
    )


def export_model(
    model: CalibratedDetector,
    folder: Path,
    options: ExportOptions,
    *,
    bundle_sha256: str,
    good: Dataset | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Export:
    """Write a model as a folder that a runtime alone can decide by; see `export_bundle`."""
    progress = progress or NoProgress()
    if not math.isfinite(model.threshold.value):
        raise ExportError(
            "this bundle has no threshold to decide by: recalibrate it on good images"
        )
    good, notes = _good_images(good, model, options)
    probes = model.bundle.probes or _probes_of(model, good)
    with write_outputs([OutputFolder(folder, "export")], overwrite=overwrite) as (part,):
        graph = _make_graph(model, options, good, progress)
        references = make_references(model, probes)
        _write_folder(part, graph, references, model, options, bundle_sha256)
        progress.start("scoring the probes in a process of its own", 1)
        certificate = certify_afresh(part)
        progress.advance()
        if not certificate.is_ok and not options.accept_flips:
            raise _refusal(certificate)
        (part / CERTIFICATE).write_bytes(as_json(certificate))
    return Export(
        folder,
        sum(map(len, graph.files.files.values())),
        certificate,
        graph.model.threshold.explain(),
        (*model.bundle.notes, *notes, *graph.notes),
    )


def _good_images(
    good: Dataset | None, model: CalibratedDetector, options: ExportOptions
) -> tuple[Dataset | None, tuple[str, ...]]:
    """Return the images that were given, without those that are not good, and what is to be said of them."""
    if options.precision == "int8":
        if good is None:
            raise ExportError(
                "int8 needs good images, such as those of the fit: ranges of numbers and the threshold are "
                "fitted on them (--images FOLDER, images=)"
            )
        if model.promise.miss_rate is not None:
            raise ExportError(
                "int8 cannot keep the promise on defects, as there are none to score again: export fp32 or "
                "fp16, or a bundle without a miss rate"
            )
    if good is None:
        return None, ()
    if options.precision != "int8" and model.bundle.probes:
        return None, ("the images given are not used: the bundle keeps probes of its own",)
    checked = check_good_images(good, learned=())
    return checked.dataset, checked.notes


def _probes_of(model: CalibratedDetector, good: Dataset | None) -> tuple[Probe, ...]:
    """Return probes of the images given, for a bundle that keeps none."""
    if good is None:
        raise ExportError(
            "this bundle keeps no images to check an export by: give some good ones "
            "(--images FOLDER, images=)"
        )
    from defectory.domain.images import ChosenImages
    from defectory.workflows.fitting.probes import draw_probes

    few = ChosenImages(good.images(), range(min(len(good), 24)))
    scores = model.bundle.detector.score(few).image_scores.astype(np.float64)
    return draw_probes(few, range(len(few)), scores, model.threshold.value, seed=0)


def _make_graph(
    model: CalibratedDetector,
    options: ExportOptions,
    good: Dataset | None,
    progress: Progress,
) -> _Graph:
    exact = exact_graph(model)
    if options.precision == "fp32":
        return _Graph(exact_files(exact, options.to), model)
    if options.precision == "fp16":
        return _Graph(half_files(exact, options.to), model)
    assert good is not None
    images = good.images()
    files = quantized_files(exact, options.to, model, images, progress)
    before = opened(exact_files(exact, options.to), options.to)
    after = opened(files, options.to)
    model, note = refitted(model, images, before, after, progress, good.groups)
    return _Graph(files, model, (note,))


def _write_folder(
    part: Path,
    graph: _Graph,
    references: References,
    model: CalibratedDetector,
    options: ExportOptions,
    bundle_sha256: str,
) -> None:
    for name, content in graph.files.files.items():
        (part / name).write_bytes(content)
    decision = describe_decision(
        graph.model,
        options,
        has_maps=references.scores.anomaly_maps is not None,
        weight_bits=graph.files.weight_bits,
        score_spread=float(np.std(model.good_scores.scores, dtype=np.float64)),
        bundle_sha256=bundle_sha256,
    )
    (part / DECISION).write_bytes(as_json(decision))
    write_references(references, part)
    write_readme(part / README, decision)
    write_sums(part)


def _refusal(certificate: Certificate) -> ExportError:
    flips = ", ".join(
        f"{flip.outcome_of_bundle} at {flip.score_of_bundle:.4g} became {flip.outcome} at {flip.score:.4g}"
        for flip in certificate.flips[:3]
    )
    named = f" ({flips})" if flips else ""
    return ExportError(
        f"the exported graph does not do what the bundle does: {certificate.explain()}{named}. Nothing was "
        "written; choose another precision, or accept it (--accept-flips, accept_flips=True)"
    )
