"""What the checks are run on: a way to make a detector or a backbone, and what was made once for all."""

import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any

from defectory.backbones import WeightCard
from defectory.detectors import Capabilities, Detector
from defectory.domain import ArrayImages
from defectory.machine import at_most_cores
from defectory.testing.pictures import products


class DetectorSubject:
    """A detector under test; fits of it are shared by the checks that only read them.

    Attributes
    ----------
    detector_class : what the maker makes
    parameters : keywords of its constructor
    capabilities : what it says it can do
    returned : what `fit` of `fitted` returned
    """

    returned: object

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
        """A detector fitted on twelve products, by one thread."""
        detector = self.make()
        with at_most_cores(1):
            self.returned = detector.fit(ArrayImages(products(12)))
        return detector

    @cached_property
    def tiled(self) -> Detector:
        """A detector that reads images in 2 x 2 tiles, fitted on four products."""
        return self.make(n_tiles=2).fit(ArrayImages(products(4)))


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
