"""What every detector and every backbone must keep: defectory brings the checks."""

from acme_defectory.edges import convert_edges
from acme_defectory.nearest import Nearest

from defectory.testing import backbone_checks, detector_checks


@detector_checks(lambda: Nearest(size_px=96))
def test_nearest(check):
    check()


@backbone_checks(convert_edges)
def test_edges(check):
    check()
