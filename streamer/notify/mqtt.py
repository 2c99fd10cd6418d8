"""Messages over MQTT: a message has arrived where the broker acknowledged all that it is told by (QoS 1)."""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

from streamer.config.notify import MqttOutput
from streamer.errors import ConfigError
from streamer.notify.extras import extra
from streamer.notify.message import Message
from streamer.notify.target import Refused, Unavailable
from streamer.notify.topics import Publication, Topics

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_KEEPALIVE_S = 30
_POLL_S = 0.05  # while one waits for acknowledgements: whether the connection is still there


class Mqtt:
    """A client of a broker. paho keeps the connection in a thread of its own; where a message is not acknowledged in
    time, the client is thrown away with all that it may still want to send: the outbox has it."""

    def __init__(self, output: MqttOutput, resolved: Callable[[str], str], *, presence: bool = True) -> None:
        self._mqtt: Any = extra("paho.mqtt.client", "mqtt")
        self._output, self._presence, self._topics = output, presence, Topics(output)
        parts = urlsplit(resolved(output.url))
        try:
            self._port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            self._port = 0
        if parts.scheme not in _PORTS or not parts.hostname or not self._port:
            raise ConfigError("url: expected mqtt://HOST:PORT once its variables are filled in")
        self._host, secure = parts.hostname, parts.scheme == "mqtts"
        self._user = resolved(output.username) if output.username is not None else unquote(parts.username or "")
        self._password = resolved(output.password) if output.password is not None else unquote(parts.password or "")
        self._tls = None
        if secure:
            try:
                self._tls = ssl.create_default_context(cafile=output.ca_file)
                if output.cert_file is not None:
                    self._tls.load_cert_chain(output.cert_file, output.key_file)
            except (ssl.SSLError, OSError) as error:
                raise ConfigError(f"ca_file, cert_file: cannot be used ({error}): give PEM files") from None
        self._client: Any = None
        self._answered = threading.Event()
        self._refusal = ""
        self._failed: dict[int, str] = {}  # by number of a publication: what the broker says against it
        self._cameras: dict[str, Message] = {}  # those introduced; a broker may forget what it was told
        self._health: dict[str, Message] = {}
        self._watched: dict[str, str] = {}
        self._on_until: dict[str, float] = {}  # plates that are retained as seen

    def watch(self, plates: Iterable[tuple[str, str]]) -> None:
        """Plates on lists, with their names, that Home Assistant is told of before one of them is seen."""
        self._watched |= dict(plates)

    def send(self, message: Message) -> None:
        if message.kind == "camera":
            self._cameras[message.camera] = message
        elif message.kind == "health":
            self._health[message.camera] = message
        self._connect()
        publications = [*self._news(message), *self._topics.of_message(message)]
        try:
            self._publish(publications)
        except Unavailable:
            self._drop()
            raise

    def idle(self) -> None:
        """Reconnects where the connection is lost, so that the broker does not call this program offline for long."""
        if self._client is not None and not self._client.is_connected():
            self._drop()
            self._connect()
        now = time.monotonic()
        if over := [plate for plate, until in self._on_until.items() if until <= now]:
            self._connect()
            self._publish([self._topics.no_longer(plate) for plate in over])
            for plate in over:
                del self._on_until[plate]

    def close(self) -> None:
        if self._presence and self._client is not None and self._client.is_connected():
            # A normal end does not make the broker publish the will.
            info = self._client.publish(self._topics.status, b"offline", qos=1, retain=True)
            self._acknowledged([info], min(self._output.attempts.timeout_s, 2.0))
        self._drop()

    def _news(self, message: Message) -> list[Publication]:
        """What Home Assistant must know before the message."""
        hit, home = message.body.get("hit") if message.kind == "hit" else None, self._output.home_assistant
        if not hit or not hit["plate"] or home is None or hit["plate"] in self._watched:
            return []
        if message.body["status"] == "withdrawn":
            return []
        self._watched[hit["plate"]] = hit["name"]
        self._on_until[hit["plate"]] = time.monotonic() + home.reset_s
        return self._topics.first_seen(list(self._watched.items()), hit["plate"])

    def _connect(self) -> None:
        if self._client is not None:
            if self._client.is_connected():
                return
            self._drop()
        timeout_s = self._output.attempts.timeout_s
        self._client = client = self._new_client(timeout_s)
        self._answered.clear()
        self._refusal = ""
        try:
            client.connect(self._host, self._port, keepalive=_KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._client = None
            raise Unavailable(_reason(error)) from None
        client.loop_start()
        if not self._answered.wait(timeout_s):
            self._drop()
            raise Unavailable(f"the broker does not answer in {timeout_s:g} s")
        if self._refusal:
            refusal = self._refusal
            self._drop()
            hint = ' (protocol: "3.1.1" for old brokers)' if "protocol" in refusal.lower() else ""
            raise Unavailable(f"the broker refuses the connection: {refusal}{hint}")
        try:
            self._publish(self._greeting())
        except (Unavailable, Refused) as error:
            self._drop()
            raise Unavailable(str(error)) from None

    def _greeting(self) -> list[Publication]:
        """What is told at every connection: a broker without a disk forgets it."""
        told = [Publication(self._topics.status, b"online", retain=True)] if self._presence else []
        for one in (*self._cameras.values(), *self._health.values()):
            told += self._topics.of_message(one)
        if self._watched and self._output.home_assistant is not None:
            on = {self._topics.no_longer(plate).topic for plate in self._on_until}
            told += [one for one in self._topics.watched(list(self._watched.items())) if one.topic not in on]
        return told

    def _new_client(self, timeout_s: float) -> Any:
        mqtt = self._mqtt
        five = self._output.protocol == "5"
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = timeout_s
        if self._user or self._password:
            client.username_pw_set(self._user, self._password or None)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        if self._presence:
            client.will_set(self._topics.status, b"offline", qos=1, retain=True)
        client.on_connect, client.on_publish = self._on_connect, self._on_publish
        return client

    def _publish(self, publications: Iterable[Publication]) -> None:
        """Publishes, and waits until the broker has acknowledged all of it."""
        self._failed.clear()
        infos = [self._client.publish(p.topic, p.payload, 1, p.retain, self._expiry(p)) for p in publications]
        if not self._acknowledged(infos, self._output.attempts.timeout_s):
            raise Unavailable("the broker did not acknowledge it")
        refused = [reason for info in infos if (reason := self._failed.get(info.mid))]
        if refused:
            raise Refused(f"the broker refuses it: {refused[0]}", final=False)

    def _expiry(self, publication: Publication) -> Any:
        if publication.expires_s is None or self._output.protocol != "5":
            return None
        properties = extra("paho.mqtt.properties", "mqtt")
        packets = extra("paho.mqtt.packettypes", "mqtt")
        found: Any = properties.Properties(packets.PacketTypes.PUBLISH)
        found.MessageExpiryInterval = max(1, round(publication.expires_s))
        return found

    def _acknowledged(self, infos: list[Any], timeout_s: float) -> bool:
        until = time.monotonic() + timeout_s
        for info in infos:
            while not _is_published(info):
                left = until - time.monotonic()
                if left <= 0 or not self._client.is_connected():
                    return _is_published(info)
                try:
                    info.wait_for_publish(min(left, _POLL_S * 4))
                except (RuntimeError, ValueError):  # not taken by the client
                    return False
        return True

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            hang_up(client)

    # Called in paho's thread

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if client is self._client:
            self._refusal = str(reason) if reason.is_failure else ""
            self._answered.set()

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        if client is self._client and reason.is_failure:
            self._failed[mid] = str(reason)


def hang_up(client: Any) -> None:
    """Ends the connection of a paho client, and waits for its thread."""
    client.disconnect()
    with contextlib.suppress(AttributeError):  # paho looks for its thread three times, and it may end in between
        client.loop_stop()


def _is_published(info: Any) -> bool:
    try:
        return bool(info.is_published())
    except (RuntimeError, ValueError):
        return False


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return "its certificate is not trusted (ca_file), or it does not speak TLS"
    if isinstance(error, TimeoutError):
        return "no connection in time"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return f"no connection ({getattr(error, 'strerror', None) or type(error).__name__})"
