"""Waiting for a decision that takes long: the gateway keeps the request, and is asked again until it is decided."""

from __future__ import annotations

from asyncio import sleep
from time import monotonic
from typing import Final

from consentry.client.transport import Later, Transport
from consentry.errors import LedgerUnavailableError, NotFoundError
from consentry.evidence.notation import Json

DECISION_SECONDS: Final = 120.0
"""How long a decision is waited for in all."""
CALL_SECONDS: Final = 20
"""How long one call waits: less than what lies between closes silent connections after."""


async def decided(transport: Transport, request_id: int, body: Json) -> Json:
    """Sends a request, and the same again once it is decided; gives what the gateway answers to it then.

    Where to look is known from the id: an address that the gateway gives is not followed.

    Raises:
        LedgerUnavailableError: it is not decided within `DECISION_SECONDS`; it is kept, and will be.
    """
    deadline = monotonic() + DECISION_SECONDS
    while True:
        answer = await transport.post_patiently("/v1/access", body, CALL_SECONDS)
        while isinstance(answer, Later):
            if monotonic() + answer.seconds > deadline:
                raise LedgerUnavailableError(
                    f"request {request_id} is not decided yet: ask again with the same request"
                )
            await sleep(answer.seconds)
            seen = await _looked(transport, request_id)
            if not isinstance(seen, Later):
                break
            answer = seen
        else:
            return answer


async def _looked(transport: Transport, request_id: int) -> Json | Later | None:
    """Gives the decision, or nothing if the gateway knows of none: asking again then tells why."""
    try:
        return await transport.get_patiently(f"/v1/access/{request_id}")
    except NotFoundError:
        return None
