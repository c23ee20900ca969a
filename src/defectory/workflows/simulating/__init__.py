"""Simulated defects on disk, for a person to see."""
