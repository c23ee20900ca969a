"""The description of the interface is true: what it says is sent, and what comes back is as it says."""

import hypothesis
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from defectory.service.app import ROUTES
from defectory.service.openapi import describe_service

CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
DESCRIBED = schemathesis.openapi.from_dict(describe_service(has_token=False))


@DESCRIBED.parametrize()
@hypothesis.settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_answers_are_as_described(server, case):
    case.call_and_validate(base_url=server.url, checks=CHECKS, timeout=20)


def test_every_route_is_described(client):
    described = client.get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert set(described["paths"]) == {route.path for route in ROUTES}
    assert "security" not in described


def test_a_token_is_described():
    assert describe_service(has_token=True)["security"] == [{"token": []}]


@pytest.mark.parametrize("kind", ["heatmap", "mask"])
def test_a_described_answer_with_pictures(client, bad, kind):
    operation = DESCRIBED["/score"]["POST"]
    answer = client.post("/score", params={"model": "nuts", kind: "png", "regions": 1}, content=bad)
    operation.validate_response(answer)
