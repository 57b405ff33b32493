"""A stand-in for the client of a command, where no service runs."""

from __future__ import annotations

from typing import Any, Self

import pytest

from service.cli import output


class StandIn:
    """Its calls go to the methods that a test gives it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def call(self, method: Any, request: Any, *, retry: bool = True) -> Any:
        del retry
        return method(request)

    def pages(self, method: Any, request: Any) -> Any:
        while True:
            page = method(request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def stand_in(monkeypatch: pytest.MonkeyPatch, client: StandIn) -> None:
    """Let commands open this client, and look for no service."""
    monkeypatch.setattr(output, "await_endpoint", lambda *_args, **_options: None)
    monkeypatch.setattr(output, "Client", lambda *_args, **_options: client)
