from collections import Counter

import numpy as np
import pytest

from defectory.domain import ArrayImages, ParameterError
from defectory.simulation import KINDS, MIXES, AnomalySimulator, GrayThreshold, ImageTextures
from defectory.simulation.simulator import VISIBLE_LEVELS
from tests.pictures import disc

TEXTURES = ImageTextures(
    ArrayImages(list(np.random.default_rng(9).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)))
)


@pytest.fixture
def image():
    return disc(np.random.default_rng(0), 128)


def _simulated(image, n=40, **settings):
    simulator = AnomalySimulator(textures=TEXTURES, **settings)
    rng = np.random.default_rng(1)
    return [simulator.simulate(image, rng) for _ in range(n)]


@pytest.mark.parametrize(("mix", "kinds"), [(name, set(mix)) for name, mix in MIXES.items()])
def test_a_mix_draws_its_kinds_in_equal_parts(image, mix, kinds):
    counts = Counter(result.kind for result in _simulated(image, 240, mix=mix))
    assert set(counts) == kinds
    assert min(counts.values()) > 0.5 * 240 / len(kinds)


def test_weights_are_kept(image):
    counts = Counter(
        r.kind for r in _simulated(image, 200, mix={"spot": 3, "scratch": 1, "texture": 0})
    )
    assert set(counts) == {"spot", "scratch"}
    assert 120 < counts["spot"] < 180


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_visible_on_the_product(image, kind):
    for result in _simulated(image, mix={kind: 1}):
        assert result.kind == kind
        change = np.abs(result.image.astype(float) - image).max(axis=2)
        assert change[result.mask].max() >= VISIBLE_LEVELS - 1


def test_opacity_weakens_the_change(image):
    def strength(opacity):
        results = _simulated(image, opacity=(opacity, opacity), mix={"texture": 1})
        assert {result.opacity for result in results} == {opacity}
        return np.mean(
            [np.abs(r.image[r.mask] - image[r.mask].astype(float)).mean() for r in results]
        )

    assert strength(0.3) < 0.5 * strength(1.0)


def test_at_full_opacity_a_texture_replaces_the_product(image):
    white = ImageTextures(ArrayImages([np.full((8, 8, 3), 255, np.uint8)]), recolor=False)
    simulator = AnomalySimulator(textures=white, mix={"texture": 1}, opacity=(1, 1))
    result = simulator.simulate(image, np.random.default_rng(0))
    assert (result.image[result.mask] == 255).all()


def test_defects_lie_on_the_product_unless_the_foreground_is_off(image):
    background = np.hypot(*(np.mgrid[:128, :128] / 128 - 0.5)) > 0.48
    assert not any((r.mask & background).any() for r in _simulated(image))
    assert any((r.mask & background).any() for r in _simulated(image, foreground="off"))
    inverted = GrayThreshold(90, inverted=True)
    dark = np.asarray(image.mean(axis=2) < 100)
    assert not any((r.mask & ~dark).any() for r in _simulated(image, foreground=inverted))


def test_a_gray_product_never_sees_color(image):
    gray = np.repeat(image[:, :, :1], 3, axis=2)
    for result in _simulated(gray, mix="all"):
        assert np.ptp(result.image.astype(int), axis=2).max() == 0


def test_what_cannot_be_seen_is_replaced_by_a_spot_that_can():
    black = np.zeros((32, 32, 3), np.uint8)
    textures = ImageTextures(ArrayImages([black]), recolor=False)
    simulator = AnomalySimulator(textures=textures, mix={"texture": 1})
    result = simulator.simulate(black, np.random.default_rng(0))
    assert (result.kind, result.opacity) == ("spot", 1.0)
    assert (result.image[result.mask] == 255).all()


def test_cut_paste_takes_from_partners_where_there_are_some():
    black, white = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    partners = ImageTextures(ArrayImages([white]), recolor=False)
    simulator = AnomalySimulator(mix={"cut-paste": 1}, partners=partners, opacity=(1, 1))
    result = simulator.simulate(black, np.random.default_rng(0))
    assert result.kind == "cut-paste"
    assert result.image.max() > 150


@pytest.mark.parametrize(
    "settings",
    [
        {"mix": "wide"},
        {"mix": {"rust": 1}},
        {"mix": {"spot": 0}},
        {"mix": {"spot": -1, "scratch": 2}},
        {"mix": {"spot": float("nan")}},
        {"mix": {}},
        {"opacity": (0, 1)},
        {"opacity": (0.6, 0.5)},
        {"opacity": (0.5, 1.5)},
        {"grid": (0, 8)},
        {"foreground": "on"},
    ],
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(ParameterError):
        AnomalySimulator(**settings)


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)],
)
def test_bad_images_are_refused(image):
    with pytest.raises(ParameterError, match="image is"):
        AnomalySimulator().simulate(image, np.random.default_rng(0))


@pytest.mark.parametrize(("mix", "least"), [("paper", 0.15), ("broad", 0.4)])
def test_each_mix_has_its_own_faintest_opacity(image, mix, least):
    drawn = [result.opacity for result in _simulated(image, mix=mix)]
    assert least <= min(drawn) < least + 0.3
