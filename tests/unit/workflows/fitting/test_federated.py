"""What leaves a plant is numbers of many images; from those of all plants comes one detector."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import safetensors.numpy

from defectory.artifacts.statistics_files import read_statistics, write_statistics
from defectory.detectors.gaussian import Gaussian
from defectory.domain import DataError, OutputError, ParameterError
from defectory.sources import read_dataset
from defectory.workflows.calibrated import load_calibrated
from defectory.workflows.fitting import federated
from defectory.workflows.fitting.federated import export_statistics, fit_from_statistics
from defectory.workflows.fitting.fit import fit_dataset
from defectory.workflows.fitting.options import FitOptions
from defectory.workflows.fitting.parts import collect_part
from defectory.workflows.shards.membership import Shard
from tests.pictures import write_mvtec

OPTIONS = FitOptions(detector="gaussian", size_px=64, keep_probes=False, group_by="none")


@pytest.fixture(scope="module")
def plants(tmp_path_factory):
    """Two plants, and what they export."""
    root = tmp_path_factory.mktemp("plants")
    for i, name in enumerate("ab"):
        write_mvtec(root / name, n_train=32, n_good=4, n_defective=4, size_px=64, seed=i)
        export_statistics(root / name, root / f"{name}.statistics", OPTIONS)
    return root


def files_of(plants):
    return [plants / "a.statistics", plants / "b.statistics"]


def plain():
    return Gaussian(size_px=64, denoise=False)


def scores_of(model, plants):
    images = read_dataset(plants / "a").subset("test").images()
    return model.bundle.detector.score(images).image_scores


def pooled(plants):
    """The fit that sees the pictures of both."""
    both = [read_dataset(plants / name).subset("train") for name in "ab"]
    samples = [
        replace(sample, name=f"{name}/{sample.name}")
        for name, part in zip("ab", both, strict=True)
        for sample in part.samples
    ]
    return fit_dataset(
        replace(both[0], samples=tuple(samples)), replace(OPTIONS, use_cache=False)
    ).model


def test_all_that_leaves_is_listed_and_names_nothing(plants, tmp_path):
    path = tmp_path / "again.statistics"
    found = export_statistics(plants / "a", path, OPTIONS)
    arrays = safetensors.numpy.load_file(path)
    assert {name: value.shape for name, value in arrays.items()} == {
        name: shape for name, shape, _ in found.contents
    }
    assert found.n_bytes == path.stat().st_size
    content = path.read_bytes()
    assert content == (plants / "a.statistics").read_bytes()
    assert b"train" not in content
    assert str(plants).encode() not in content
    with pytest.raises(OutputError, match="overwrite"):
        export_statistics(plants / "a", path, OPTIONS)


def test_a_plant_gets_the_detector_of_all_pictures_with_its_own_threshold(plants, tmp_path):
    own = fit_from_statistics(files_of(plants), tmp_path / "own.defectory", plants / "a", OPTIONS)
    whole = pooled(plants).bundle.detector.normality_
    mine = own.bundle.detector.normality_
    np.testing.assert_allclose(mine.cells_.means, whole.cells_.means, atol=1e-4)
    np.testing.assert_allclose(mine.cells_.whitening, whole.cells_.whitening, rtol=2e-3, atol=2e-3)
    assert len(own.bundle.calibration) == 32
    assert load_calibrated(tmp_path / "own.defectory").threshold == own.threshold


def test_the_center_needs_no_picture(plants, tmp_path):
    center = fit_from_statistics(files_of(plants), tmp_path / "c.defectory", None, OPTIONS)
    correlation = np.corrcoef(scores_of(center, plants), scores_of(pooled(plants), plants))
    assert correlation[0, 1] > 0.99
    assert len(center.bundle.calibration) == 64
    assert center.facts.data.n_images == 64
    loaded = load_calibrated(tmp_path / "c.defectory")
    np.testing.assert_array_equal(scores_of(loaded, plants), scores_of(center, plants))


def test_few_images_do_not_leave(plants, tmp_path):
    few = write_mvtec(tmp_path / "few", n_train=29, n_good=1, n_defective=1, size_px=64)
    with pytest.raises(DataError, match="29 normal images could tell"):
        export_statistics(few, tmp_path / "few.statistics", OPTIONS)
    grouped = replace(OPTIONS, group_by=r"/(\d\d)\d\.png")
    with pytest.raises(DataError, match="4 normal groups"):
        export_statistics(plants / "a", tmp_path / "few.statistics", grouped)
    with pytest.raises(ParameterError, match="pieces of pictures"):
        export_statistics(plants / "a", tmp_path / "x", replace(OPTIONS, detector="patch-memory"))
    assert not (tmp_path / "few.statistics").exists()


def test_what_does_not_go_together_is_refused(plants, tmp_path):
    a, b = files_of(plants)
    bundle = tmp_path / "x.defectory"
    with pytest.raises(DataError, match="count twice"):
        fit_from_statistics([a, b, a], bundle, None, OPTIONS)
    with pytest.raises(DataError, match="none of these statistics is of the images"):
        fit_from_statistics([b], bundle, plants / "a", OPTIONS)
    other = tmp_path / "other.statistics"
    export_statistics(plants / "b", other, replace(OPTIONS, size_px=96))
    with pytest.raises(DataError, match="other settings"):
        fit_from_statistics([a, other], bundle, None, OPTIONS)
    part = collect_part(
        plants / "b", tmp_path / "parts", Shard(0, 1), replace(OPTIONS, detector=plain())
    )
    with pytest.raises(DataError, match="statistics of a part"):
        fit_from_statistics([a, part.path], bundle, None, OPTIONS)
    facts, statistics = read_statistics(a)
    for config in ({**facts.config, "size_px": "large"}, {"n_wings": 2}):
        write_statistics(other, statistics, msgspec.structs.replace(facts, config=config))
        with pytest.raises(DataError, match="does not know"):
            fit_from_statistics([other], bundle, None, OPTIONS)
    (tmp_path / "no.statistics").write_text("no")
    with pytest.raises(DataError, match="holds no statistics"):
        fit_from_statistics([a, tmp_path / "no.statistics"], bundle, None, OPTIONS)
    assert not bundle.exists()


def test_what_lies_in_the_place_of_suspects_is_said_before_the_fit(plants, tmp_path, monkeypatch):
    mine = tmp_path / "own.suspects.jsonl"
    mine.write_text("mine")

    def fit(*arguments, **options):
        raise AssertionError("the fit has begun")

    monkeypatch.setattr(federated, "fit_dataset", fit)
    with pytest.raises(OutputError, match=mine.name):
        fit_from_statistics(files_of(plants), tmp_path / "own.defectory", plants / "a", OPTIONS)
    assert mine.read_text() == "mine"
