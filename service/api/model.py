"""The detection models of this installation, served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vedette.v1 import model_pb2, model_pb2_grpc

from models.catalogue import Catalogue


class ModelService(model_pb2_grpc.ModelServiceServicer):
    """`vedette.v1.ModelService`."""

    def __init__(self, catalogue: Catalogue, active: str, running: Callable[[], str]) -> None:
        self._catalogue = catalogue
        self._active = active
        self._running = running

    async def ListModels(  # noqa: N802 - the contract's name
        self, request: model_pb2.ListModelsRequest, context: Any
    ) -> model_pb2.ListModelsResponse:
        """Every model of the catalogue."""
        del request, context
        return model_pb2.ListModelsResponse(
            models=[
                model_pb2.Model(
                    name=f"models/{entry.card.name}",
                    categories=entry.card.categories,
                    input_px=entry.card.input_px,
                    sha256=entry.card.sha256,
                    license=entry.card.license,
                    weaknesses=entry.card.weaknesses,
                    active=entry.card.name == self._active,
                    engine=self._running() if entry.card.name == self._active else "",
                )
                for entry in self._catalogue.entries
            ]
        )
