"""What is answered at which path."""

from starlette.routing import Route

from defectory.service.routes import health, infer, operations, score

ROUTES: tuple[Route, ...] = (
    *health.ROUTES,
    *infer.ROUTES,
    *score.ROUTES,
    *operations.ROUTES,
)
