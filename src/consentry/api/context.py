"""Where routes find the gateway they serve."""

from __future__ import annotations

from typing import cast

from fastapi import Request

from consentry.gateway.context import Context


def context_of(request: Request) -> Context:
    """Gives the context of the application a request came to."""
    return cast("Context", request.app.state.context)
