"""What a run's page shows, as JSON: `GET /api/runs/<id>`, under the rights of the page.

Whoever has a run's link may open it; where the server asks for a sign-in, whoever is signed in.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from gmm_core.jobs import DatabaseAwayError, service
from gmm_core.runs import kinds
from gmm_core.sharing.answer import as_json
from pages.parts.platform import addresses, sign_in

PATH = "/api/runs"
_KEPT = 32  # answers; to relabel the draws of a posterior takes seconds

# Beside the pages, which have their turn.
_pool = ThreadPoolExecutor(2, thread_name_prefix="gmm-api")


async def _answer(request: Request) -> Response:
    status, body = await asyncio.get_running_loop().run_in_executor(
        _pool,
        _status_and_body,
        request.path_params["run"],
        request.cookies,
        request.headers.get("host", ""),
    )
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    return Response(text, status, {"Cache-Control": "no-store"}, media_type="application/json")


def _status_and_body(run_id: str, cookies: dict[str, str], host: str) -> tuple[int, dict[str, Any]]:
    """Return the status of the answer, and what it says."""
    if not sign_in.may_enter(cookies, host):
        return 401, {"error": "Sign in on the pages first, and send that browser's cookies along."}
    try:
        now = service().status(run_id)
        if now.state == "done":
            service().note_visit(run_id)
            return 200, {**_finished(run_id), "state": now.state}
        payload = {"run": run_id, "state": now.state, "done": now.done, "total": now.total}
        return 200, payload | ({"message": now.message} if now.message else {})
    except DatabaseAwayError as error:
        return 503, {"error": str(error)}
    except ValueError as error:
        return 404, {"error": str(error)}


@lru_cache(_KEPT)
def _finished(run_id: str) -> dict[str, Any]:
    """Return a finished run as JSON; what is computed of a specification does not change."""
    spec = service().store.specification(run_id)
    # By the link's id, which a later version may compute otherwise.
    shown = kinds.shown(spec, service().result(run_id))
    return {**as_json(spec, shown), "run": run_id}


ROUTES = addresses.routes(f"{PATH}/{{run}}", _answer)
