"""The threshold of a graph in 8 bits rests on what that graph scores good images."""

import numpy as np
import pytest

from defectory.domain import ArrayImages, ExportError, NoProgress
from defectory.workflows.exporting.refitting import refitted
from defectory.workflows.exporting.runtimes import OnnxGraph
from tests.bundles import DATA
from tests.pictures import disc
from tests.unit.workflows.exporting.small_net import graph_of_net, model_of

CONTENT = "{:012x}".format


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(3)
    return ArrayImages([disc(rng, 24) for _ in range(6)])


@pytest.fixture(scope="module")
def graphs():
    return OnnxGraph(graph_of_net()), OnnxGraph(graph_of_net(factor=1.25))


def known_as(images, *, held_out, learned):
    """A model that held out the first images, and has learned from the last."""
    contents = [images.fingerprint(i)[:12] for i in range(len(images))]
    data = type(DATA)(DATA.fingerprint, DATA.layout, 6, tuple(contents[len(images) - learned :]))
    few = ArrayImages(images.read(range(held_out)))
    return model_of(few, contents=contents[:held_out], keeps_probes=False, data=data)


def test_left_out_scores_move_by_what_the_graph_changes(images, graphs):
    model = known_as(images, held_out=6, learned=0)
    before = model.bundle.calibration
    found, note = refitted(model, images, *graphs, NoProgress())
    after = found.bundle.calibration
    np.testing.assert_allclose(after.scores, 1.25 * before.scores, rtol=1e-5)
    np.testing.assert_allclose(after.peaks, 1.25 * before.peaks, rtol=1e-5)
    assert found.threshold.value == pytest.approx(1.25 * model.threshold.value)
    assert "6 of 6 held-out images of the fit and 0 new ones" in note


def test_new_images_count_by_their_own_score_and_learned_ones_not_at_all(images, graphs):
    model = known_as(images, held_out=2, learned=1)
    found, note = refitted(model, images, *graphs, NoProgress())
    after = found.bundle.calibration
    expected = [1.25 * graphs[0].run(image)[0] for image in images.read(range(5))]
    np.testing.assert_allclose(after.scores, expected, rtol=1e-5)
    assert len(set(after.groups.tolist())) == 5
    assert after.is_confirmed.all()
    assert "2 of 2 held-out images of the fit and 3 new ones" in note


def test_new_images_of_one_group_stay_one(images, graphs):
    model = known_as(images, held_out=2, learned=1)
    found, _ = refitted(model, images, *graphs, NoProgress(), np.array([7, 8, 7, 7, -1, 7]))
    held_out, (third, fourth, other) = np.split(found.bundle.calibration.groups, [2])
    assert third == fourth != other
    assert not np.isin([third, other], held_out).any()
    assert held_out[0] != held_out[1]


def test_images_that_say_nothing_are_refused(images, graphs):
    model = known_as(ArrayImages(images.read(range(2))), held_out=1, learned=0)
    learned = known_as(images, held_out=1, learned=5)
    others = ArrayImages(images.read(range(1, 6)))
    assert len(model.bundle.calibration) == 1
    with pytest.raises(ExportError, match="held none out"):
        refitted(learned, others, *graphs, NoProgress())
