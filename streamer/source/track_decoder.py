"""Packets of one video track and the pictures in them, past damage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from streamer.config.urls import redact
from streamer.source.address import is_end
from streamer.source.damage import damage
from streamer.source.fields import deinterlaced
from streamer.source.live import CaptureTimes
from streamer.source.sleeper import Sleeper
from streamer.source.sleeping import Decoded, SleepingDecoder
from streamer.source.slices import slices_of

if TYPE_CHECKING:
    import av

_MOST_UNREAD = 50  # damaged packets of a camera in a row, after which its connection counts as lost


class TrackDecoder:
    """Decodes one track of an open container, once. `decoder` has decode(packet) and flush_buffers(); `ends`: whether
    an error at the end of data is a regular end; `times` notes arrivals, `observer` is shown every packet.

    `bad`: damaged packets that were skipped so far; `error`: why the track ended early, None for a regular end.
    """

    def __init__(
        self,
        container: Any,
        stream: Any,
        decoder: Any,
        *,
        live: bool,
        ends: bool,
        times: CaptureTimes | None,
        observer: Callable[[Any], None] | None,
    ) -> None:
        self._container, self._stream, self._decoder = container, stream, decoder
        self._live, self._ends, self._times, self._observer = live, ends, times, observer
        self.bad = 0
        self.error: str | None = None

    def frames(self, sleeper: Sleeper | None) -> Iterator[Decoded]:
        """Pictures in presentation order, interlaced ones filtered; with `sleeper` those of a camera that may sleep."""
        packets = self._packets()
        if sleeper is None:
            yield from map(Decoded, deinterlaced(self._pictures(packets)))
            return
        begun, first = [], []
        for packet in packets:
            begun.append(packet)
            if first := self._decode(packet):
                break
        if not first or first[0].interlaced_frame:  # the filter must see every frame
            sleeper.never("its video is interlaced: set it to progressive")
            yield from map(Decoded, deinterlaced(chain(first, self._pictures(packets))))
            return
        yield Decoded(first[0], arrived=sleeper.monotonic())
        context = self._stream.codec_context
        slices = slices_of(context.name, context.extradata)
        asleep = SleepingDecoder(sleeper, self._decode, self._decoder.flush_buffers, slices, begun)
        yield from asleep.frames(packets)

    def _packets(self) -> Iterator[Any]:
        """The packets until they end or cannot be read; None where the decoder's last pictures are due."""
        import av

        unread = 0  # in a row
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    unread = 0
                    if self._times is not None:
                        self._times.note(packet)
                    if self._observer is not None:
                        self._observer(packet)
                    yield packet
                    if self.error is not None:
                        return
                return
            except (av.FFmpegError, OSError) as error:
                damaged = isinstance(error, av.error.InvalidDataError | av.error.ArgumentError)
                if self._live and damaged and unread < _MOST_UNREAD:  # on the line; the connection goes on
                    unread, self.bad = unread + 1, self.bad + 1
                    continue
                if self._ends and self._container.size <= 0 and is_end(error):
                    yield None
                    return
                self._fail(error)
                return

    def _pictures(self, packets: Iterator[Any]) -> Iterator[av.VideoFrame]:
        for packet in packets:
            yield from self._decode(packet)

    def _decode(self, packet: Any) -> list[av.VideoFrame]:
        """The pictures that a packet completes, none where it is damaged; None: those that the decoder still holds."""
        import av

        try:
            return list(self._decoder.decode(packet))
        except damage():
            self.bad += 1
        except (av.FFmpegError, OSError) as error:
            self._fail(error)
        return []

    def _fail(self, error: Any) -> None:
        self.error = redact(getattr(error, "strerror", None) or str(error))
