"""A model becomes a folder that another runtime decides by, or there is no folder."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from defectory.artifacts import Promise
from defectory.artifacts.checksums import check_sums
from defectory.artifacts.exported import read_decision, read_references
from defectory.detectors.mcod import Mcod
from defectory.domain import BundleError, ExportError, OutputError, ParameterError
from defectory.workflows.calibrated import CalibratedDetector
from defectory.workflows.exporting.certify import certify
from defectory.workflows.exporting.export import export_bundle, export_model
from defectory.workflows.exporting.options import ExportOptions
from tests.bundles import bundle_of
from tests.unit.workflows.exporting.small_net import model_of


def export(model, folder, *, good=None, overwrite=False, **options):
    return export_model(
        model,
        folder,
        ExportOptions(**options),
        bundle_sha256="0" * 64,
        good=good,
        overwrite=overwrite,
    )


def test_the_folder_says_how_to_decide_and_is_certified(exported, model):
    decision = read_decision(exported)
    # a little higher: the image whose score the threshold is would else hang on the last bit
    threshold, pixels = model.threshold.value, model.pixel_threshold
    assert threshold < decision.threshold < threshold * 1.0001
    assert pixels < decision.pixel_threshold < pixels * 1.0001
    assert (decision.runtime, decision.precision, decision.weight_bits) == ("onnx", "fp32", None)
    assert [(t.name, t.dtype, t.shape) for t in (*decision.inputs, *decision.outputs)] == [
        ("image", "uint8", (-1, -1, 3)),
        ("score", "float32", ()),
        ("map", "float32", (-1, -1)),
    ]
    certificate = json.loads((exported / "certificate.json").read_text())
    assert certificate["is_ok"]
    assert certificate["flips"] == []
    assert certificate["largest_score_error"] < 1e-6
    assert certificate["largest_map_error"] < 1e-6
    assert certificate["runtime"].startswith("onnxruntime ")
    assert "`score`" in (exported / "README.md").read_text()


def test_probes_of_other_sizes_and_shapes_are_among_those_compared(exported):
    probes, maps = read_references(exported)
    reshaped = [probe.file for probe in probes if probe.origin == "reshaped"]
    assert [maps[name].shape for name in reshaped] == [(160, 160), (6, 40), (40, 6), (1, 1)]
    assert {probe.outcome for probe in probes} == {"accepted", "rejected"}
    assert {probe.origin for probe in probes} >= {"near the threshold", "simulated defect"}


def test_the_checksums_are_those_that_other_tools_read(exported):
    check_sums(exported)
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=exported, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "decision.json: OK" in done.stdout


def test_openvino_decides_alike(model, tmp_path):
    pytest.importorskip("openvino", reason="the extra openvino is not installed")
    found = export(model, tmp_path / "out", to="openvino")
    assert found.certificate.is_ok
    assert found.certificate.largest_map_error < 1e-5
    assert found.certificate.runtime.startswith("openvino ")
    assert (tmp_path / "out" / "model.bin").is_file()


@pytest.mark.thorough
def test_a_detector_without_maps_is_certified_by_its_scores(parts, tmp_path):
    detector = Mcod(n_epochs=1, n_folds=0).fit(parts.images())
    model = CalibratedDetector(bundle_of(detector, promise=Promise(0.2, 0.5)))
    found = export(model, tmp_path / "out", good=parts)
    assert found.certificate.is_ok
    assert found.certificate.largest_map_error is None
    assert " map" not in found.certificate.explain()
    assert [tensor.name for tensor in read_decision(tmp_path / "out").outputs] == ["score"]
    assert certify(tmp_path / "out").is_ok


def test_half_precision_takes_half_the_bytes_of_the_weights(model, exported, tmp_path):
    found = export(model, tmp_path / "out", precision="fp16")
    before = (exported / "model.onnx").stat().st_size
    assert before - (tmp_path / "out" / "model.onnx").stat().st_size > 700  # of 432 weights
    assert 1e-6 < found.certificate.largest_map_error < 1e-2


def test_int8_fits_its_threshold_again_on_what_it_scores(model, parts, tmp_path):
    found = export(model, tmp_path / "out", precision="int8", good=parts, accept_flips=True)
    decision = read_decision(tmp_path / "out")
    assert decision.weight_bits in (7, 8)
    assert decision.threshold != pytest.approx(model.threshold.value, rel=1e-4)
    assert decision.threshold == pytest.approx(model.threshold.value, rel=0.1)
    assert found.certificate.tolerance is None
    assert "20 of 20 held-out images" in found.notes[-1]
    graph = (tmp_path / "out" / "model.onnx").read_bytes()
    assert b"QuantizeLinear" in graph


def test_int8_counts_groups_of_new_images(parts, tmp_path):
    grouped = tuple(replace(s, group=str(i // 5)) for i, s in enumerate(parts.samples))
    good = replace(parts, samples=grouped)
    model = model_of(parts.images())
    found = export(model, tmp_path / "out", precision="int8", good=good, accept_flips=True)
    assert "0 of 20 held-out images of the fit and 20 new ones" in found.notes[-1]
    assert "more groups of good images" in found.promised


def test_int8_without_images_says_why_it_needs_them(model, tmp_path):
    with pytest.raises(ExportError, match=r"int8 needs good images.*--images"):
        export(model, tmp_path / "out", precision="int8")


def test_int8_makes_no_promise_on_defects(model, parts, tmp_path):
    careful = model.with_miss_rate(0.1)
    with pytest.raises(ExportError, match="promise on defects"):
        export(careful, tmp_path / "out", precision="int8", good=parts)


def test_a_graph_that_decides_otherwise_is_refused_and_leaves_nothing(parts, tmp_path):
    wrong = model_of(parts.images(), is_wrong=True)
    with pytest.raises(ExportError, match=r"probes decided otherwise.*became rejected at"):
        export(wrong, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    found = export(wrong, tmp_path / "out", accept_flips=True)
    assert found.certificate.flips
    assert not found.certificate.is_ok
    assert not certify(tmp_path / "out").is_ok


def test_a_bundle_without_probes_is_checked_by_the_images_given(parts, tmp_path):
    model = model_of(parts.images(), keeps_probes=False)
    with pytest.raises(ExportError, match=r"keeps no images.*--images"):
        export(model, tmp_path / "out")
    assert export(model, tmp_path / "out", good=parts).certificate.n_probes > 16


def test_images_that_are_of_no_use_are_spoken_of(model, parts, tmp_path):
    found = export(model, tmp_path / "out", good=parts)
    assert found.notes == ("the images given are not used: the bundle keeps probes of its own",)


def test_a_gray_zone_is_exported(model, parts, tmp_path):
    careful = model.with_miss_rate(0.1)
    export(careful, tmp_path / "out")
    decision = read_decision(tmp_path / "out")
    # no defects are known: nothing is accepted, a person looks at all that is not rejected
    assert decision.accept_threshold == -np.finfo(float).max
    assert decision.outcome(0.0) == "review"


def test_a_bundle_without_a_threshold_is_refused(model, tmp_path):
    nothing = replace(model.bundle.calibration.take(np.zeros(20, bool)))
    unfitted = CalibratedDetector(replace(model.bundle, calibration=nothing))
    with pytest.raises(ExportError, match="no threshold to decide by"):
        export(unfitted, tmp_path / "out")


def test_only_an_earlier_export_is_replaced(model, exported, tmp_path):
    export(model, tmp_path / "out")
    with pytest.raises(OutputError, match="exists already"):
        export(model, tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"mine\.txt"):
        export(model, tmp_path / "out", overwrite=True)


def test_settings_that_are_none_are_refused():
    with pytest.raises(ParameterError, match="onnx, openvino"):
        ExportOptions(to="tensorrt")
    with pytest.raises(ParameterError, match="fp32, fp16, int8"):
        ExportOptions(precision="int4")


def test_a_folder_is_no_bundle(tmp_path):
    (tmp_path / "parts").mkdir()
    with pytest.raises(BundleError, match="this is a folder"):
        export_bundle(tmp_path / "parts", tmp_path / "out")


def test_the_promise_is_that_of_the_bundle(model, parts, tmp_path):
    bundle = replace(model.bundle, promise=Promise(0.2, 0.5))
    export(CalibratedDetector(bundle), tmp_path / "out")
    decision = read_decision(tmp_path / "out")
    assert decision.promise == Promise(0.2, 0.5)
    assert decision.threshold < model.threshold.value
