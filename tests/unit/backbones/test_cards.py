"""A card survives JSON, and damaged ones are told from whole ones."""

import json
from dataclasses import replace

import pytest

from defectory.backbones import WeightCard


def test_a_card_comes_back_from_json(converted):
    card = converted[1]
    assert WeightCard.from_dict(json.loads(json.dumps(card.to_dict()))) == card


def test_the_id_tells_weights_apart(converted):
    card = converted[1]
    assert card.id.startswith("efficientnet-lite0@")
    assert replace(card, weights_sha256="0" * 64).id != card.id


def test_stages_are_found_by_name(converted):
    assert converted[1].stage("block10").n_channels == 112
    with pytest.raises(KeyError):
        converted[1].stage("block16")


@pytest.mark.parametrize("field", ["name", "mean", "stages", "weights_sha256", "input_px"])
def test_a_card_that_lacks_a_field_is_none(converted, field):
    data = converted[1].to_dict()
    del data[field]
    with pytest.raises(KeyError):
        WeightCard.from_dict(data)
