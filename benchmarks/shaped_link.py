"""A slow, lossy, distant link between two network namespaces: real TCP over shaped packets.

Where the kernel has no netem, `tc` cannot shape. So the link is two TUN devices, one in each
namespace, and a process that carries packets between them: each direction has a rate, a delay, a
share of packets that are lost, and a queue that overflows. TCP, TLS and gRPC above it are the
machine's own. It needs root, or CAP_NET_ADMIN and CAP_SYS_ADMIN.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import multiprocessing
import os
import random
import select
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_MTU = 1400
NEAR, FAR = "10.93.0.1", "10.93.0.2"


class LinkError(Exception):
    """The machine does not let a link be made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a link is like, each way.

    Attributes:
        rate_bit_s: bits of IP packets a second.
        delay_s: from one end to the other, besides the rate.
        loss: share of packets that are lost.
        queue_bytes: what waits for the rate; more is dropped.
    """

    rate_bit_s: float = 256_000.0
    delay_s: float = 0.3
    loss: float = 0.02
    queue_bytes: int = 64_000


class Direction:
    """One way of a link: says when a packet arrives, if it does."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self._shape = shape
        self._chance = random.Random(seed)  # noqa: S311 - losses, no secret
        self._free_at = 0.0

    def arrival(self, length: int, now: float) -> float | None:
        """When a packet arrives that is sent now; None where it is lost.

        Args:
            length: bytes of the packet.
            now: seconds, never less than before.
        """
        waiting = max(0.0, self._free_at - now) * self._shape.rate_bit_s / 8
        if waiting + length > self._shape.queue_bytes:
            return None
        self._free_at = max(now, self._free_at) + length * 8 / self._shape.rate_bit_s
        # Lost on the way: it has taken its time of the link.
        if self._chance.random() < self._shape.loss:
            return None
        return self._free_at + self._shape.delay_s


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A link that is up.

    Attributes:
        near: namespace of the service, where its address is `NEAR`.
        far: namespace of the client, where its address is `FAR`.
        carried: bytes of IP packets that were given to the link: towards far, towards near.
    """

    near: str
    far: str
    carried: tuple[Synchronized[int], Synchronized[int]]

    def bytes_now(self) -> tuple[int, int]:
        """Bytes that were given to the link so far: towards far, towards near."""
        return self.carried[0].value, self.carried[1].value


@contextmanager
def shaped_link(shape: Shape, seed: int) -> Iterator[Link]:
    """Two namespaces and the link between them, gone at the end.

    Raises:
        LinkError: the machine does not let them be made.
    """
    stem = f"vedette-{os.getpid()}"
    with ExitStack() as stack:
        ends = []
        for name, address in ((f"{stem}-near", NEAR), (f"{stem}-far", FAR)):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            ends.append(_tun(name, address))
            stack.callback(os.close, ends[-1])
        carried = (multiprocessing.Value("q", 0), multiprocessing.Value("q", 0))
        carrier = multiprocessing.Process(
            target=_carry, args=(ends, shape, seed, carried), daemon=True
        )
        carrier.start()
        stack.callback(carrier.join, 5)
        stack.callback(carrier.terminate)
        yield Link(near=f"{stem}-near", far=f"{stem}-far", carried=carried)


def _ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LinkError(f"ip {' '.join(arguments)}: {done.stderr.strip()}; this needs root")


def _tun(namespace: str, address: str) -> int:
    """A TUN device in a namespace, with its address; returns its descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/self/ns/net").open() as home, Path(f"/run/netns/{namespace}").open() as there:
        if libc.setns(there.fileno(), _CLONE_NEWNET):
            raise LinkError(f"setns: {os.strerror(ctypes.get_errno())}; this needs root")
        try:
            try:
                device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
                fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", b"tun0", _IFF_TUN | _IFF_NO_PI))
            except OSError as error:
                raise LinkError(f"/dev/net/tun: {error.strerror}") from error
            _ip("address", "add", f"{address}/24", "dev", "tun0")
            _ip("link", "set", "tun0", "mtu", str(_MTU), "up")
            _ip("link", "set", "lo", "up")
        finally:
            libc.setns(home.fileno(), _CLONE_NEWNET)
    return device


def _carry(ends: list[int], shape: Shape, seed: int, carried: tuple[Any, Any]) -> None:
    """Carry packets between two devices until ended."""
    ways = [Direction(shape, seed), Direction(shape, seed + 1)]
    waiting: list[tuple[float, int, int, bytes]] = []
    number = 0
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, to, packet = heapq.heappop(waiting)
            try:
                os.write(ends[to], packet)
            except OSError:
                # The other end's queue is full, or going away: a packet more is lost.
                continue
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else 0.2
        readable, _, _ = select.select(ends, [], [], timeout)
        for end in readable:
            side = ends.index(end)
            while True:
                try:
                    packet = os.read(end, 65536)
                except BlockingIOError:
                    break
                with carried[side].get_lock():
                    carried[side].value += len(packet)
                at = ways[side].arrival(len(packet), time.monotonic())
                if at is not None:
                    number += 1
                    heapq.heappush(waiting, (at, number, 1 - side, packet))
