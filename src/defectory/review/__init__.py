"""The review page: a local server by which a person labels images and teaches a bundle (extra `review`).

Loading this package loads no web framework; `server` does.
"""
