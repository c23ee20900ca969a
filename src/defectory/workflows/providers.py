"""What runs networks, for those who start work: see `backbones.providers`."""

from defectory.backbones.providers import running_on

__all__ = ["running_on"]
