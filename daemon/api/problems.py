"""Errors as RFC 9457 problems: every refusal says what to do next."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from daemon.api.schemas import Problem

CONTENT_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)


class ProblemError(Exception):
    """A request that cannot be answered; `detail` says what to do."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


def build_problem(
    request: web.BaseRequest, status: int, detail: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Give the response of a problem with this request."""
    problem = Problem(
        title=HTTPStatus(status).phrase, status=status, detail=detail, instance=request.path
    )
    return web.Response(
        status=status,
        text=problem.model_dump_json(),
        content_type=CONTENT_TYPE,
        headers=dict(headers or {}),
    )


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what handlers and the router raise into problems; a defect is logged, never shown."""
    try:
        return await handler(request)
    except ProblemError as error:
        return build_problem(request, error.status, error.detail, error.headers)
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        return build_problem(request, error.status, f"use {allowed} here", {"Allow": allowed})
    except web.HTTPNotFound as error:
        detail = "there is nothing here; /openapi.json lists what there is"
        return build_problem(request, error.status, detail)
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return build_problem(request, error.status, error.reason)
    except Exception:  # the one place that answers for defects; the keeper goes on
        log.exception("api.defect", path=request.path)
        detail = "the daemon made a mistake; its log says which"
        return build_problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)
