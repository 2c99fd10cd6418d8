"""Settings of outputs that send rows to another program: webhooks, MQTT, Apprise."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, field_validator, model_validator

from streamer.config.messages import fault_at
from streamer.config.output import Output, Writes
from streamer.config.references import HOW, refers
from streamer.config.section import Section, unit

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CLOCK = re.compile(r"([01]?\d|2[0-3]):[0-5]\d|24:00")
_SECRET_HEADER = re.compile(r"authori[sz]ation|cookie|token|secret|key|passw|signature", re.I)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS = frozenset(("content-type", "content-length", "host", "webhook-id", "webhook-timestamp",
                          "webhook-signature", "idempotency-key"))  # fmt: skip
_TOPIC = re.compile(r"[^#+\0]+")


class ScheduleConfig(Section):
    """Hours in which a target is sent to; what ends before it begins goes on into the next day."""

    days: tuple[Day, ...] = Field(default=(), description="days on which it begins; none: every day")
    start: str = Field(default="00:00", description="time of day at which it begins, like 22:00")
    end: str = Field(default="24:00", description="time of day at which it ends, like 06:00")

    @field_validator("start", "end")
    @classmethod
    def _clock(cls, value: str) -> str:
        if not _CLOCK.fullmatch(value):
            raise ValueError("expected a time of day like 22:00")
        return value


class FilterConfig(Section):
    """Which rows are sent; all by default."""

    cameras: tuple[str, ...] = Field(default=(), description="cameras whose rows are sent; none: all")
    zones: tuple[str, ...] = Field(default=(), description="zones in which the plate must have been; none: any")
    lists: tuple[str, ...] = Field(default=(), description="watchlists whose hits are sent (send: [hits]); none: all")
    min_confidence: float = Field(
        default=0.0, ge=0, le=1, description="least confidence of a row", json_schema_extra=unit("probability")
    )
    schedule: tuple[ScheduleConfig, ...] = Field(
        default=(), description="hours by the clock of the row (of this machine, where it has none); none: always"
    )
    time_zone: str | None = Field(
        default=None, description="time zone of the schedule, like Europe/Berlin; null: this machine's"
    )

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("unknown time zone: expected a name like Europe/Berlin") from None
        return value


class QueueConfig(Section):
    """What the outbox keeps of a target."""

    max_age_h: float = Field(default=72.0, gt=0, description="hours after which a row that waits is a dead letter")
    max_mb: float = Field(
        default=200.0, gt=0, description="megabytes of rows that wait and dead letters; the oldest are dropped"
    )
    dead_days: float = Field(default=30.0, gt=0, description="days that dead letters are kept")


class AttemptsConfig(Section):
    """How a row is tried, and when again."""

    timeout_s: float = Field(default=10.0, gt=0, le=300, description="seconds in which the target must answer")
    first_s: float = Field(
        default=1.0, gt=0, description="seconds before the second try, about; doubled for each further one"
    )
    most_s: float = Field(default=300.0, gt=0, description="longest time between two tries, about")
    tries: int = Field(
        default=12,
        ge=1,
        description="tries of a row at which the target fails (HTTP 500) before it is a dead letter",
        json_schema_extra=unit("tries"),
    )
    drain_s: float | None = Field(
        default=None, gt=0, description="seconds that the end of a run waits for rows; null: 30 of recordings, else 3"
    )

    @model_validator(mode="after")
    def _rising(self) -> AttemptsConfig:
        if self.most_s < self.first_s:
            raise fault_at(("most_s",), f"expected first_s ({self.first_s:g}) or more")
        return self


class NotifyOutput(Output):
    """An output with an outbox."""

    writes: ClassVar[Writes] = Writes(rows=False, files="kept")

    name: str | None = Field(
        default=None,
        pattern=r"^[\w][\w.-]{0,63}$",
        description="name of the target in logs, its outbox and `alpr notify`; null: its type, host and a hash",
    )
    send: tuple[Literal["final", "provisional", "hits"], ...] = Field(
        default=("final",),
        min_length=1,
        description="final: rows; provisional: also before they are final, and when they change; hits: a plate on a "
        "watchlist, once for each vehicle (with provisional also what changes)",
    )
    crop: bool = Field(default=False, description="send the picture of the plate along")
    filter: FilterConfig = FilterConfig()
    outbox: str | None = Field(
        default=None, min_length=1, description="file of the outbox; null: NAME.db in the user's folder of states"
    )
    queue: QueueConfig = QueueConfig()
    attempts: AttemptsConfig = AttemptsConfig()

    @field_validator("name", mode="before")
    @classmethod
    def _plain_name(cls, value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(r"[\w][\w.-]{0,63}", value):
            raise ValueError("expected letters, digits, '.', '-' and '_' only, 64 at most")
        return value

    def references(self) -> Iterator[tuple[str, str]]:
        """Each setting that may refer to a secret: its key and its text."""
        yield from ()

    def address(self) -> str:
        """Where it sends to, as configured: what the name of its outbox is made of."""
        return ""


class WebhookOutput(NotifyOutput):
    """`webhook`."""

    short: ClassVar[str] = "url"

    url: str = Field(
        min_length=1,
        description="address that is sent to (docs/notifications.md); secrets in it by ${NAME} or ${file:PATH}",
    )
    dialect: Literal["alpr", "platerecognizer", "frigate"] = Field(
        default="alpr", description="shape of the JSON: this program's, Plate Recognizer's or Frigate's"
    )
    headers: dict[str, str] = Field(default={}, description="further headers; secrets by ${NAME} or ${file:PATH}")
    secret: str | None = Field(
        default=None, description="key that signs each request (Standard Webhooks), by ${NAME} or ${file:PATH}"
    )
    ca_file: str | None = Field(
        default=None, min_length=1, description="certificates that the server's must lead to; null: the system's"
    )

    @model_validator(mode="after")
    def _safe(self) -> WebhookOutput:
        check_address(self.url, ("http", "https"))
        for name, value in self.headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OWN_HEADERS:
                raise fault_at(("headers", name), "expected the name of a header that this program does not set")
            if any(ord(c) < 32 or ord(c) > 255 for c in value):
                raise fault_at(("headers", name), "expected one line of Latin-1 text")
            if _SECRET_HEADER.search(name) and not refers(value):
                raise fault_at(("headers", name), f"a secret stands in no file of settings: {HOW}")
        if self.secret is not None and not refers(self.secret):
            raise fault_at(("secret",), f"a secret stands in no file of settings: {HOW}")
        return self

    def references(self) -> Iterator[tuple[str, str]]:
        yield "url", self.url
        yield from ((f"headers.{name}", value) for name, value in self.headers.items())
        if self.secret is not None:
            yield "secret", self.secret

    def address(self) -> str:
        return self.url


class HomeAssistantConfig(Section):
    """How Home Assistant finds the cameras as devices."""

    prefix: str = Field(default="homeassistant", min_length=1, description="first part of the discovery topics")
    reset_s: int = Field(default=30, ge=1, le=86_400, description="seconds after which a watched plate is off again")


def _as_section(value: Any) -> Any:
    """`true` is short for a section with its defaults, `false` for none."""
    text = str(value).lower() if isinstance(value, bool | str) else ""
    return {} if text == "true" else None if text == "false" else value


class MqttOutput(NotifyOutput):
    """`mqtt`."""

    short: ClassVar[str] = "url"

    url: str = Field(min_length=1, description="broker, mqtt://HOST[:1883] or mqtts://HOST[:8883]")
    username: str | None = Field(default=None, description="user of the broker")
    password: str | None = Field(default=None, description="password, by ${NAME} or ${file:PATH}")
    topic: str = Field(default="alpr", min_length=1, description="first part of all topics")
    protocol: Literal["5", "3.1.1"] = Field(
        default="5", description="version of MQTT; a 3.1.1 broker cannot say that it refused a row"
    )
    frigate: str | None = Field(
        default=None,
        min_length=1,
        description="first part of the topic of messages as Frigate's, like frigate; null: none",
    )
    home_assistant: Annotated[HomeAssistantConfig | None, BeforeValidator(_as_section)] = Field(
        default=None, description="true: Home Assistant finds the cameras by itself; or a section"
    )
    ca_file: str | None = Field(
        default=None, min_length=1, description="certificates that the broker's must lead to; null: the system's"
    )
    cert_file: str | None = Field(default=None, min_length=1, description="certificate of this client")
    key_file: str | None = Field(default=None, min_length=1, description="its key")

    @model_validator(mode="after")
    def _safe(self) -> MqttOutput:
        check_address(self.url, ("mqtt", "mqtts"))
        if not refers(self.url) and (urlsplit(self.url).path.strip("/") or "@" in self.url):
            raise fault_at(("url",), "expected mqtt://HOST:PORT alone: username, password and topic are keys")
        if self.password is not None and not refers(self.password):
            raise fault_at(("password",), f"a secret stands in no file of settings: {HOW}")
        for key in ("topic", "frigate"):
            value = getattr(self, key)
            if value is not None and (not _TOPIC.fullmatch(value) or value.strip("/") != value):
                raise fault_at((key,), "expected a topic without #, + and / at its ends, like alpr")
        if (self.cert_file is None) != (self.key_file is None):
            raise fault_at(("key_file",), "cert_file and key_file belong together: give both")
        return self

    def references(self) -> Iterator[tuple[str, str]]:
        yield "url", self.url
        for key in ("username", "password"):
            if (value := getattr(self, key)) is not None:
                yield key, value

    def address(self) -> str:
        return f"{self.url} {self.topic}"


class AppriseOutput(NotifyOutput):
    """`apprise`."""

    short: ClassVar[str] = "url"

    url: str = Field(min_length=1, description="address as Apprise writes them, by ${NAME} or ${file:PATH}")
    title: str = Field(default="{plate}", description="title of the message")
    text: str = Field(
        default="{plate} at {camera}, {time} ({confidence})", min_length=1, description="text of the message"
    )

    @model_validator(mode="after")
    def _safe(self) -> AppriseOutput:
        if not refers(self.url):
            raise fault_at(("url",), f"addresses of Apprise hold secrets, which stand in no file of settings: {HOW}")
        for key in ("title", "text"):
            check_text(key, getattr(self, key))
        return self

    def references(self) -> Iterator[tuple[str, str]]:
        yield "url", self.url

    def address(self) -> str:
        return self.url


TEXT_FIELDS = ("plate", "camera", "confidence", "time", "zone", "status", "event_id", "list", "entry", "movement")


def check_text(key: str, text: str) -> None:
    """Fault where a text of a message has a field that there is not."""
    try:
        text.format(**dict.fromkeys(TEXT_FIELDS, ""))
    except (KeyError, IndexError, ValueError, AttributeError):
        known = ", ".join(f"{{{name}}}" for name in TEXT_FIELDS)
        raise fault_at((key,), f"expected a text with fields of {known} (a brace: {{{{)") from None


def check_address(url: str, schemes: tuple[str, ...]) -> None:
    """Fault where an address is malformed or has a password in it. References are not looked up."""
    if url.startswith("${"):
        return
    expected = f"expected {schemes[-1]}://HOST"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise fault_at(("url",), expected) from None
    if parts.scheme not in schemes or not (parts.hostname or refers(url)):
        raise fault_at(("url",), f"{expected} (got {parts.scheme or 'no scheme'})")
    if parts.password and not refers(parts.password):
        raise fault_at(("url",), f"a password stands in no file of settings: {HOW}")


def certificates(output: NotifyOutput) -> Iterator[tuple[str, Path]]:
    """The files that it needs beside its outbox."""
    for key in ("ca_file", "cert_file", "key_file"):
        if (value := getattr(output, key, None)) is not None:
            yield key, Path(value)
