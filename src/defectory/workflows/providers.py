"""What runs networks, for those who start work: see `backbones.providers`."""

from defectory.backbones.providers import provider_in_force, running_on

__all__ = ["provider_in_force", "running_on"]
