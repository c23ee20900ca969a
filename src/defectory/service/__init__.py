"""Bundles behind HTTP: Open Inference Protocol v2 and plain uploads (extra `serve`).

Loading this package loads no web framework; `server` does.
"""
