"""A proxy for RTSP over TCP that injects faults packet by packet.

One asyncio loop in a thread of its own; `inject` and `clear` may be called from any thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
import time
from collections.abc import Coroutine
from typing import Any

from streamer.chaos.fault_types import Fault
from streamer.chaos.rtp import begins_key_frame, is_media, shifted
from streamer.errors import ConfigError

_CUT_S, _STORM_S = 1.0, 2.0
_JUMP_S = 3600.0
_POLL_S = 0.02
_INTERLEAVED = ord("$")
_LONGEST_MESSAGE = 1 << 20


class FaultyProxy:
    """Listens on 127.0.0.1 and forwards to `host`:`upstream_port` within the context. RTP over UDP bypasses it: use
    TCP."""

    def __init__(self, host: str, upstream_port: int, port: int = 0, seed: int | None = None) -> None:
        """ConfigError where `port` is taken; 0 takes a free one."""
        self._upstream = host, upstream_port
        self._random = random.Random(seed)
        self.fault: Fault | None = None
        self.connections = 0  # ever begun
        self.key_at: float | None = None  # when a key frame was last sent, by the monotonic clock
        with contextlib.closing(_listening(port)) as probe:  # raises here rather than in the thread
            self.port: int = probe.getsockname()[1]
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="alpr-chaos", daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None
        self._call(self._listen())

    def inject(self, fault: Fault) -> None:
        """Begins the fault, also for open connections."""
        self._call(self._begin(fault))

    def clear(self) -> None:
        """Ends the fault: delayed answers are sent, and connections continue with the next packet."""
        self._call(self._end())

    def close(self) -> None:
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> FaultyProxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _begin(self, fault: Fault) -> None:
        self.fault = fault
        if fault.name == "refuse":
            await self._shut()

    async def _end(self) -> None:
        self.fault = None
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=_listening(self.port))

    async def _shut(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in list(self._open):
            _reset(writer)
        await asyncio.sleep(_POLL_S)  # so that their tasks notice it

    def _has(self, *names: str) -> bool:
        return self.fault is not None and self.fault.name in names

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from the client's first byte to its end."""
        self.connections += 1
        self._open.add(writer)
        upstream: asyncio.StreamWriter | None = None
        try:
            while self._has("silent"):
                await asyncio.sleep(_POLL_S)
            answers, upstream = await asyncio.open_connection(*self._upstream)
            ends = [
                asyncio.ensure_future(work)
                for work in (_copy(reader, upstream), self._forward(answers, writer), self._end_on_fault(writer))
            ]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        except OSError:
            pass  # the camera itself is unreachable: the client's connection ends
        finally:
            self._open.discard(writer)
            for one in (writer, upstream):
                if one is not None:
                    one.close()

    async def _end_on_fault(self, writer: asyncio.StreamWriter) -> None:
        """Ends a connection when the fault requires it."""
        began = time.monotonic()
        while True:
            await asyncio.sleep(_POLL_S)
            lived = time.monotonic() - began
            if self._has("cut") and lived > _CUT_S:
                return
            if self._has("storm") and lived > _STORM_S:
                _reset(writer)
                return

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forwards the camera's answers and packets, as the fault changes them."""
        packets, hevc = _PacketFaults(self._random), False
        while True:
            first = await reader.readexactly(1)
            if first[0] != _INTERLEAVED:
                message = first + await _message(reader)
                hevc = hevc or b"H265/90000" in message
                while self._has("silent", "stall"):
                    await asyncio.sleep(_POLL_S)
                writer.write(message)
            else:
                channel, size = struct.unpack(">BH", await reader.readexactly(3))
                packet = await reader.readexactly(size)
                if self._has("silent", "stall"):
                    continue  # discarded: a stalled network buffers nothing
                for out in packets.apply(packet, self.fault) if is_media(channel, packet) else [packet]:
                    if is_media(channel, out) and begins_key_frame(out, hevc):
                        self.key_at = time.monotonic()
                    writer.write(struct.pack(">BBH", _INTERLEAVED, channel, len(out)) + out)
            await writer.drain()


class _PacketFaults:
    """The effect of faults on the packets of one connection."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._late: list[bytes] = []

    def apply(self, packet: bytes, fault: Fault | None) -> list[bytes]:
        """The packets that are sent in place of `packet`."""
        late, self._late = self._late, []
        if fault is None:
            return [packet, *late]
        if fault.name == "jump":
            return [shifted(packet, _JUMP_S), *late]
        if not fault.by_packet or self._rng.random() * 100 >= fault.percent:
            return [packet, *late]
        if fault.name == "reorder":
            self._late = [packet]
            return late
        if fault.name == "corrupt":
            packet = self._corrupted(packet)
        return late if fault.name == "loss" else [packet, packet, *late] if fault.name == "duplicate" else [packet]

    def _corrupted(self, packet: bytes) -> bytes:
        wrong = bytearray(packet)
        for _ in range(4):
            wrong[self._rng.randrange(12, len(wrong))] = self._rng.randrange(256)
        return bytes(wrong)


def _listening(port: int) -> socket.socket:
    probe = socket.socket()
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port))
    except OSError as error:
        probe.close()
        raise ConfigError(f"port {port}: cannot be listened on ({error.strerror}): give another one") from None
    return probe


def _reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection by a TCP reset."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """The rest of an RTSP message: up to the empty line, and its body by Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return head + await reader.readexactly(min(int(value), _LONGEST_MESSAGE))
    return head


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
