"""What is answered at which path."""

from starlette.routing import Route

from defectory.review.routes import (
    images,
    labels,
    masks,
    page,
    pictures,
    project,
    teaching,
    thresholds,
    versions,
)

ROUTES: tuple[Route, ...] = (
    *project.ROUTES,
    *images.ROUTES,
    *pictures.ROUTES,
    *masks.ROUTES,
    *labels.ROUTES,
    *teaching.ROUTES,
    *versions.ROUTES,
    *thresholds.ROUTES,
    *page.ROUTES,  # takes any name, so it comes last
)
