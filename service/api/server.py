"""The gRPC server: every servicer, TLS, health and reflection."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from vedette.v1 import (
    access_pb2,
    access_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    detection_pb2,
    detection_pb2_grpc,
    imagery_pb2,
    imagery_pb2_grpc,
    incident_pb2,
    incident_pb2_grpc,
    model_pb2,
    model_pb2_grpc,
    negative_pb2,
    negative_pb2_grpc,
    pledge_pb2,
    pledge_pb2_grpc,
    position_pb2,
    position_pb2_grpc,
    product_pb2,
    product_pb2_grpc,
    rule_pb2,
    rule_pb2_grpc,
)

from service.access_control import AccessControl
from service.api.access import AccessService
from service.api.audit import AuditService
from service.api.detection import DetectionService
from service.api.hard_negative import HardNegativeService
from service.api.health import HealthWatch
from service.api.imagery import ImageryService
from service.api.incident import IncidentService
from service.api.interceptor import CallGuard
from service.api.model import ModelService
from service.api.pledge import PledgeService
from service.api.position import PositionService
from service.api.product import ProductService
from service.api.rule import RuleService
from service.errors import StartupError
from service.identity import Identity

SERVICES: tuple[str, ...] = tuple(
    service.full_name
    for module in (
        access_pb2,
        audit_pb2,
        detection_pb2,
        imagery_pb2,
        incident_pb2,
        model_pb2,
        negative_pb2,
        pledge_pb2,
        position_pb2,
        product_pb2,
        rule_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
)

# Satellite links have 600 ms round trips and drop. Pings find a dead client within a minute and
# are rare enough for 256 kbit/s; a client may ping as often as our own does.
OPTIONS: tuple[tuple[str, int], ...] = (
    # Two services on one port would share its calls: a second one must be refused.
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 45_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 0),
    # A chunk is at most 1 MiB.
    ("grpc.max_receive_message_length", 2 * 1024 * 1024),
    ("grpc.max_send_message_length", 8 * 1024 * 1024),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", 256),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Servicers:
    """Everything that is served."""

    access: AccessService
    audit: AuditService
    detection: DetectionService
    hard_negative: HardNegativeService
    health: HealthWatch
    imagery: ImageryService
    incident: IncidentService
    model: ModelService
    pledge: PledgeService
    position: PositionService
    product: ProductService
    rule: RuleService


def build_server(servicers: Servicers, access: AccessControl) -> Any:
    """A `grpc.aio.Server` with every service, not yet bound to a port."""
    server = grpc.aio.server(interceptors=(CallGuard(access),), options=OPTIONS)
    access_pb2_grpc.add_AccessServiceServicer_to_server(servicers.access, server)
    audit_pb2_grpc.add_AuditServiceServicer_to_server(servicers.audit, server)
    detection_pb2_grpc.add_DetectionServiceServicer_to_server(servicers.detection, server)
    imagery_pb2_grpc.add_ImageryServiceServicer_to_server(servicers.imagery, server)
    incident_pb2_grpc.add_IncidentServiceServicer_to_server(servicers.incident, server)
    model_pb2_grpc.add_ModelServiceServicer_to_server(servicers.model, server)
    negative_pb2_grpc.add_HardNegativeServiceServicer_to_server(servicers.hard_negative, server)
    pledge_pb2_grpc.add_PledgeServiceServicer_to_server(servicers.pledge, server)
    position_pb2_grpc.add_PositionServiceServicer_to_server(servicers.position, server)
    product_pb2_grpc.add_ProductServiceServicer_to_server(servicers.product, server)
    rule_pb2_grpc.add_RuleServiceServicer_to_server(servicers.rule, server)
    health_pb2_grpc.add_HealthServicer_to_server(servicers.health.servicer, server)
    health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
    reflection.enable_server_reflection((*SERVICES, health_name, reflection.SERVICE_NAME), server)
    return server


def check_port(host: str, port: int) -> None:
    """Refuse an address that cannot be listened on.

    Raises:
        StartupError: with the reason in one sentence.
    """
    shown = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise StartupError(f"the address {shown} is not known here; set --listen") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            reasons = {
                errno.EADDRINUSE: f"the port {port} is taken on {host}; end what uses it, or "
                "choose another with --listen (port 0 takes a free one)",
                errno.EACCES: f"no right to listen on {shown}; choose a port above 1023",
                errno.EADDRNOTAVAIL: f"{host} is not an address of this machine; set --listen",
            }
            code = error.errno or 0
            raise StartupError(
                reasons.get(code, f"cannot listen on {shown}: {error.strerror}")
            ) from error


def bind(server: Any, identity: Identity, host: str, port: int) -> int:
    """Bind with TLS; returns the port, chosen by the system where it was 0.

    Raises:
        StartupError: the port is taken.
    """
    credentials = grpc.ssl_server_credentials(
        [(identity.key_file.read_bytes(), identity.certificate_file.read_bytes())]
    )
    bracketed = f"[{host}]" if ":" in host else host
    try:
        bound = int(server.add_secure_port(f"{bracketed}:{port}", credentials))
    except RuntimeError as error:
        raise StartupError(f"cannot listen on {bracketed}:{port}; is the port taken?") from error
    if bound == 0:
        raise StartupError(f"cannot listen on {bracketed}:{port}; is the port taken?")
    return bound
