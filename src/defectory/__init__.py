"""Label-efficient visual anomaly and defect detection."""

__version__ = "0.1.0"
