"""Runnable protocols: `python -m benchmarks --help`. Development only, never part of the package."""
