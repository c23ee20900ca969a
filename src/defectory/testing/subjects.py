"""What the checks are run on: a way to make a detector or a backbone, and what was made once for all."""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

from defectory.backbones import WeightCard
from defectory.detectors import Capabilities, Detector
from defectory.domain import ArrayImages
from defectory.testing.pictures import products


class DetectorSubject:
    """A detector under test; one fit of it is shared by the checks that only read it.

    Attributes
    ----------
    detector_class : what the maker makes
    parameters : keywords of its constructor
    capabilities : what it says it can do
    """

    def __init__(self, make: Callable[[], Detector]) -> None:
        self._make = make
        example = make()
        self.detector_class: Callable[..., Detector] = type(example)
        self.name = example.name
        self.parameters = tuple(inspect.signature(type(example)).parameters)
        self.capabilities: Capabilities = example.capabilities

    def make(self, **settings: Any) -> Detector:
        """Return a new detector; settings that it does not have are left out."""
        example = self._make()
        own = {name: getattr(example, name) for name in self.parameters}
        asked = {name: value for name, value in settings.items() if name in self.parameters}
        return self.detector_class(**{**own, **asked})

    @cached_property
    def fitted(self) -> Detector:
        """A detector fitted on twelve products."""
        return self.make().fit(ArrayImages(products(12)))


class BackboneSubject:
    """A backbone under test.

    Attributes
    ----------
    model, card : what its converter gives
    """

    def __init__(self, convert: Callable[[], tuple[bytes, WeightCard]]) -> None:
        self.convert = convert
        self.model, self.card = convert()
        self.name = self.card.name
