"""The conformance suite: what every detector and backbone must keep, as pytest parameters.

>>> from defectory.testing import backbone_checks, detector_checks
>>>
>>> @detector_checks(lambda: MyDetector(size_px=64))        # doctest: +SKIP
... def test_my_detector(check):
...     check()
>>>
>>> @backbone_checks(my_backbone)                           # doctest: +SKIP
... def test_my_backbone(check):
...     check()

It needs pytest: the extra `testing`.
"""

from defectory.domain import MissingExtraError

try:
    import pytest
except ImportError as error:
    raise MissingExtraError("defectory.testing", "testing") from error

# Before they are imported: a failed assertion then shows the values it compared.
pytest.register_assert_rewrite("defectory.testing.checks", "defectory.testing.assertions")

from defectory.testing.parameters import backbone_checks, detector_checks  # noqa: E402

__all__ = ["backbone_checks", "detector_checks"]
