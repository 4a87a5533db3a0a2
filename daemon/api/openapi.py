"""The OpenAPI 3.1 description, made from the same table as the routes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from aiohttp.typedefs import Handler
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from daemon.api.schemas import Problem
from proofs.vaults import FactKind

_REFERENCE: Final = "#/components/schemas/{model}"
_PROBLEM: Final = "application/problem+json"
_JSON: Final = "application/json"

_PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "account": {
        "name": "account",
        "in": "path",
        "required": True,
        "description": "The margin account's id, or any member's CAIP-10 id, percent-encoded.",
        "schema": {"type": "string"},
    },
    "sequence": {
        "name": "sequence",
        "in": "query",
        "description": "The header's sequence of an attestation; left out, the newest.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "form": {
        "name": "form",
        "in": "query",
        "description": "unpacked: what the file holds, encoded with zstd for who accepts it.",
        "schema": {"type": "string", "enum": ["unpacked"]},
    },
    "vault_account": {
        "name": "account",
        "in": "query",
        "description": "A vault account's id, 0x and 64 hex digits; left out, facts of all.",
        "schema": {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"},
    },
    "vault": {
        "name": "account",
        "in": "path",
        "required": True,
        "description": "A vault account's id, 0x and 64 hex digits.",
        "schema": {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"},
    },
    "for": {
        "name": "for",
        "in": "query",
        "description": "The CAIP-2 id of the chain whose contracts take them; left out, any.",
        "schema": {"type": "string"},
    },
    "kind": {
        "name": "kind",
        "in": "query",
        "description": "One kind only.",
        "schema": {"type": "string", "enum": ["quantities", *FactKind]},
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many events.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
    },
    "before": {
        "name": "before",
        "in": "query",
        "description": "Only events older than this one; taken from `links.next`.",
        "schema": {"type": "integer", "minimum": 1},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One GET route: where, by what, and what it answers (`body` None: not described here)."""

    path: str
    handler: Handler
    body: type[BaseModel] | None = None
    media: str = _JSON
    parameters: tuple[str, ...] = ()
    problems: tuple[int, ...] = ()
    also: tuple[int, ...] = ()

    @property
    def summary(self) -> str:
        """What the handler's docstring says."""
        return (self.handler.__doc__ or "").strip().splitlines()[0].removeprefix("Answer ")


def build_openapi(routes: Sequence[Route]) -> dict[str, Any]:
    """Describe the routes."""
    models = [(Problem, "serialization"), *((r.body, "serialization") for r in routes if r.body)]
    _, schemas = models_json_schema(
        list(dict.fromkeys(models)),  # type: ignore[arg-type] # the mode is one of two literals
        ref_template=_REFERENCE,
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Plimsoll",
            "version": version("plimsoll-keeper"),
            "summary": "One unified, attested cross-chain margin health factor.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {route.path: {"get": _describe(route)} for route in routes},
        "components": {"schemas": schemas["$defs"]},
    }


def _describe(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": _body(route, "What was asked for.")}
    responses |= {str(status): _body(route, "As 200, of another state.") for status in route.also}
    if "account" in route.parameters:
        responses["304"] = {"description": "The caller has this state already (If-None-Match)."}
    for status in route.problems:
        responses[str(status)] = {
            "description": "A problem; its detail says what to do.",
            "content": {_PROBLEM: {"schema": {"$ref": _REFERENCE.format(model="Problem")}}},
        }
    described: dict[str, Any] = {
        "operationId": _name(route.handler),
        "summary": route.summary,
        "responses": responses,
    }
    if route.parameters:
        described["parameters"] = [_PARAMETERS[name] for name in route.parameters]
    return described


def _body(route: Route, description: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} if route.media != _JSON else {"type": "object"}
    if route.body is not None:
        schema = {"$ref": _REFERENCE.format(model=route.body.__name__)}
    return {"description": description, "content": {route.media: {"schema": schema}}}


def _name(handler: Callable[..., Any]) -> str:
    return handler.__name__
