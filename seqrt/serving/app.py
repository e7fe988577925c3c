"""The HTTP routes of a server: health, metadata, inference and metrics."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from seqrt.errors import SeqrtError
from seqrt.serving.described import EXTENSIONS, VERSION, describe_model
from seqrt.serving.measures import CONTENT_TYPE, Measures
from seqrt.serving.receiving import Receiving
from seqrt.serving.refused import RefusedRequest, status_of
from seqrt.serving.responder import Reply, Responder
from seqrt.serving.sequences import LiveSequences

if TYPE_CHECKING:
    from seqrt.runtime import Model
    from seqrt.serving.limits import ServingLimits

_HEADER = "Inference-Header-Content-Length"
_NO_MEMORY = "E_MEMORY: the request does not fit into memory. Send fewer rows or steps at a time."
_log = logging.getLogger("seqrt.serving")


class Service:
    """A model and what its server keeps between requests: live sequences, and counts."""

    def __init__(
        self, model: Model, name: str, version: str, limits: ServingLimits, sequences: LiveSequences
    ) -> None:
        """Serve `model` under `name`; `version` is that of seqrt."""
        self.app = Starlette(routes=self._routes(), exception_handlers={HTTPException: _not_found})
        self._limits = limits
        self._name = name
        self._sequences = sequences
        self._responder = Responder(model, name, sequences, limits)
        self._receiving = Receiving(limits)
        self._measures = Measures()
        self._threads = ThreadPoolExecutor(model.threads, "seqrt-serving")
        self._turns = asyncio.Semaphore(model.threads)
        self._about = {"name": "seqrt", "version": version, "extensions": EXTENSIONS}
        self._model_about = describe_model(model.manifest, name)

    def _routes(self) -> list[Route]:
        routes = [
            Route("/v2/health/live", _empty),
            Route("/v2/health/ready", _empty),
            Route("/v2", self._about_server),
            Route("/metrics", self._metrics),
        ]
        for model in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            routes += [
                Route(model, self._of_model(self._about_model)),
                Route(f"{model}/ready", self._of_model(_empty)),
                Route(f"{model}/infer", self._of_model(self._infer), methods=["POST"]),
            ]
        return routes

    def _of_model(self, route: Callable[[Request], Any]) -> Callable[[Request], Any]:
        """Return `route`, changed to answer 404 for another model or version."""

        async def checked(request: Request) -> Response:
            name = request.path_params["model"]
            version = request.path_params.get("version", VERSION)
            if (name, version) != (self._name, VERSION):
                return _error(
                    404,
                    f"E_REQUEST_MODEL: this server has version {VERSION} of {self._name}, got"
                    f" version {version:.60} of {name:.60}.",
                )
            response: Response = await route(request)
            return response

        return checked

    async def _about_server(self, _: Request) -> Response:
        return _json(200, self._about)

    async def _about_model(self, _: Request) -> Response:
        return _json(200, self._model_about)

    async def _metrics(self, _: Request) -> Response:
        live = len(self._sequences)
        text = self._measures.text(live, self._sequences.expired)
        return Response(text, media_type=CONTENT_TYPE)

    async def _infer(self, request: Request) -> Response:
        began = perf_counter()
        code, steps = "", 0
        try:
            reply = await self._reply(request)
            response, steps = _response(reply), reply.steps
        except SeqrtError as error:
            close = isinstance(error, RefusedRequest) and error.close
            response, code = _error(status_of(error), str(error), close), error.code
        except ClientDisconnect:
            response, code = _error(400, "the client has gone."), "E_REQUEST_GONE"
        except MemoryError:
            response, code = _error(503, _NO_MEMORY), "E_MEMORY"
        except Exception:  # noqa: BLE001 - whatever it is, the client gets a sentence
            _log.exception("a request failed")
            response, code = _error(500, "this is a bug in seqrt; its log has the traceback."), ""
        self._measures.add(response.status_code, code, perf_counter() - began, steps)
        return response

    async def _reply(self, request: Request) -> Reply:
        """Receive the body, wait for a thread, and compute; once begun, computing is not stopped.

        A request that waits too long has changed nothing.
        """
        async with self._receiving.body(request) as body:
            try:
                async with asyncio.timeout(self._limits.seconds):
                    await self._turns.acquire()
            except TimeoutError:
                raise RefusedRequest(
                    503,
                    f"E_REQUEST_BUSY: the server was busy for {self._limits.seconds:g} s. Send the"
                    " request again; its sequence is unchanged.",
                ) from None
            try:
                loop = asyncio.get_running_loop()
                length = request.headers.get(_HEADER)
                respond = self._responder.respond
                return await loop.run_in_executor(self._threads, respond, body, length)
            finally:
                self._turns.release()


async def _empty(_: Request) -> Response:
    return Response()


async def _not_found(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    what = (
        f"does not take {request.method:.20}" if status == 405 else "is not a path of this server"
    )
    return _error(status, f"E_REQUEST_PATH: {request.url.path:.200} {what}.")


def _response(reply: Reply) -> Response:
    if reply.json_length is None:
        return Response(reply.content, media_type="application/json")
    headers = {_HEADER: str(reply.json_length)}
    return Response(reply.content, headers=headers, media_type="application/octet-stream")


def _json(status: int, record: object, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(record), status, headers, media_type="application/json")


def _error(status: int, sentence: str, close: bool = False) -> Response:
    return _json(status, {"error": sentence}, {"Connection": "close"} if close else None)
