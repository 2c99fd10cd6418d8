"""Messages for people by any service that Apprise knows: Telegram, ntfy, Pushover, e-mail and others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from streamer.config.notify import AppriseOutput
from streamer.errors import ConfigError
from streamer.notify.dialects import text_fields
from streamer.notify.extras import extra
from streamer.notify.message import Message
from streamer.notify.target import Unavailable

# Its log lines name addresses, which hold secrets.
_HUSHED = "apprise"


class Push:
    """Sends the text of a message, and its picture where asked for."""

    def __init__(self, output: AppriseOutput, resolved: Callable[[str], str]) -> None:
        self._apprise: Any = extra("apprise", "apprise")
        logging.getLogger(_HUSHED).disabled = True
        self._output = output
        self._service = self._apprise.Apprise.instantiate(resolved(output.url))
        if self._service is None:
            raise ConfigError("url: is no address that Apprise knows: see its list of services")
        timeout_s = output.attempts.timeout_s
        self._service.socket_connect_timeout = self._service.socket_read_timeout = timeout_s

    def send(self, message: Message) -> None:
        if message.kind not in ("passage", "hit"):
            return
        fields = text_fields(message)
        attach = None
        if self._output.crop and message.crop is not None:
            memory: Any = extra("apprise.attachment.memory", "apprise")

            picture = memory.AttachMemory(
                content=message.crop, name=f"{message.body['event_id']}.jpg", mimetype="image/jpeg"
            )
            attach = self._apprise.AppriseAttachment(picture)
        # It has no other answer: why it failed is in its log, with addresses.
        sent = self._service.notify(
            title=self._output.title.format(**fields), body=self._output.text.format(**fields), attach=attach
        )
        if not sent:
            raise Unavailable("the service did not take it: check the address and its log")

    def idle(self) -> None:
        """Nothing to do between messages."""

    def close(self) -> None:
        """Nothing stays open."""
