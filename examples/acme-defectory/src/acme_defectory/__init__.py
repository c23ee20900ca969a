"""A detector and a backbone for defectory, found by the entry points in pyproject.toml."""
