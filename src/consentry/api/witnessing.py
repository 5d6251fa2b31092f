"""What a witness serves: ``add-checkpoint`` (C2SP ``tlog-witness``), its tree as tiles, its evidence, and its key.

Everything here is public; the one call that changes something is answered by signatures alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

import consentry
from consentry.api import problems
from consentry.api.logs import Log, json_log
from consentry.core.log_tiles import WIDTH, Tile
from consentry.errors import ConflictError, ConsentryError, InvalidInputError, NotFoundError, TooLargeError
from consentry.witness.blocks import BlockSource
from consentry.witness.exhibits import Exhibits
from consentry.witness.submission import LARGEST_BODY, Submission
from consentry.witness.tile_threads import TileThreads
from consentry.witness.witness import Witness

SIZE_TYPE: Final = "text/x.tlog.size"
BODY_SECONDS: Final = 10.0
FOLLOW_SECONDS: Final = 1.0
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}


def create_witness(
    witness: Witness,
    source: BlockSource,
    exhibits: Exhibits,
    *,
    follow_seconds: float = FOLLOW_SECONDS,
    log: Log | None = None,
) -> FastAPI:
    """Makes the application; while it lives, the witness follows its node.

    Args:
        witness: what it serves.
        source: the witness's node.
        exhibits: the evidence it keeps.
        follow_seconds: time between two looks at the node.
        log: where it is told when the node fails or contradicts itself; standard error if none is given.
    """

    @asynccontextmanager
    async def live(_app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(_keep_following(witness, source, follow_seconds, log or json_log()))
        try:
            yield
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    app = FastAPI(
        title="Consentry witness", version=consentry.__version__, lifespan=live, openapi_url=None, redoc_url=None
    )
    app.include_router(_checkpoints(witness))
    app.include_router(_shown(witness, exhibits))

    @app.exception_handler(ConsentryError)
    async def ours(request: Request, error: ConsentryError) -> Response:
        if isinstance(error, ConflictError):
            return PlainTextResponse(f"{error.details['size']}\n", HTTPStatus.CONFLICT, media_type=SIZE_TYPE)
        if isinstance(error, InvalidInputError) and not isinstance(error, TooLargeError):
            return problems.problem(request, HTTPStatus.BAD_REQUEST, error.code, error.message)
        return problems.from_error(request, error)

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        return problems.from_http(request, error)

    return app


async def _keep_following(witness: Witness, source: BlockSource, seconds: float, log: Log) -> None:
    told = ""
    while True:
        failed = await _followed(witness, source)
        if failed and failed != told:
            log.error("background", what="following the node", why=failed)
        told = failed
        await asyncio.sleep(seconds)


async def _followed(witness: Witness, source: BlockSource) -> str:
    """Looks at the node once; gives what was wrong with it, or nothing."""
    try:
        await witness.keeper.follow(source)
    except ConsentryError as error:
        return error.message
    return ""


async def _body(request: Request) -> bytes:
    content = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                content += part
                if len(content) > LARGEST_BODY:
                    raise TooLargeError(f"size of a body does not match (got more, expected at most {LARGEST_BODY})")
    except TimeoutError:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from None
    return content


def _checkpoints(witness: Witness) -> APIRouter:
    router = APIRouter()

    @router.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> PlainTextResponse:
        submission = Submission.from_bytes(await _body(request))
        return PlainTextResponse(witness.add_checkpoint(submission).line())

    @router.get("/checkpoint")
    async def checkpoint() -> PlainTextResponse:
        if witness.last is None:
            raise NotFoundError("nothing was cosigned yet")
        return PlainTextResponse(witness.last.to_bytes(), headers={"Cache-Control": "no-store"})

    @router.get("/key")
    async def key() -> PlainTextResponse:
        return PlainTextResponse(f"{witness.key}\n")

    return router


def _shown(witness: Witness, exhibits: Exhibits) -> APIRouter:
    router, keeper, threads = APIRouter(), witness.keeper, TileThreads()

    @router.get("/tile/{path:path}")
    async def tile(path: str) -> Response:
        wanted = Tile.from_path(f"tile/{path}")
        headers = _FOR_EVER if wanted.width == WIDTH else None
        content = await threads.read(lambda: keeper.tile(wanted))
        return Response(content, media_type="application/octet-stream", headers=headers)

    @router.get("/tree")
    async def tree() -> JSONResponse:
        told = {"size": keeper.size, "root": "0x" + keeper.root.hex(), "block": keeper.block}
        return JSONResponse({**told, "trouble": keeper.trouble})

    @router.get("/evidence")
    async def evidence() -> JSONResponse:
        return JSONResponse({"items": exhibits.names()})

    @router.get("/evidence/{name}")
    async def exhibit(name: str) -> Response:
        return Response(exhibits.read(name), media_type="application/octet-stream")

    return router
