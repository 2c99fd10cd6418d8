"""Settings of the page in a browser (`alpr run --web`, `alpr serve`)."""

from __future__ import annotations

import ipaddress
from typing import Literal

from pydantic import Field, field_validator, model_validator

from streamer.config.messages import fault_at
from streamer.config.section import Section


class WebConfig(Section):
    """Where the page is served, and who may see it."""

    at: str | None = Field(
        default=None, min_length=1, description="[HOST:]PORT of the page in a browser (docs/how-to/page.md); null: none"
    )
    prefix: str = Field(default="", description="path that all addresses of the page begin with, like /alpr")
    certificate: str | None = Field(
        default=None, min_length=1, description="file of the certificate (PEM) for https; null: http"
    )
    key: str | None = Field(default=None, min_length=1, description="file of the certificate's private key")
    login: Literal["auto", "always"] = Field(
        default="auto", description="auto: no login where only this machine can reach the page; always: always one"
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="host names that the page may be asked for by; of this machine alone: beside localhost"
    )
    proxies: tuple[str, ...] = Field(
        default=(),
        description="addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; then a login is "
        "always needed",
    )
    session_h: float = Field(default=12, gt=0, le=720, description="hours without a request after which a login ends")

    @field_validator("prefix")
    @classmethod
    def _as_path(cls, text: str) -> str:
        path = "/" + text.strip("/") if text.strip("/") else ""
        if any(not (c.isalnum() and c.isascii()) and c not in "/-_.~" for c in path) or "//" in path or "/." in path:
            raise fault_at((), "expected a path of plain letters, like /alpr")
        return path

    @field_validator("proxies")
    @classmethod
    def _as_addresses(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for number, text in enumerate(texts):
            try:
                ipaddress.ip_network(text, strict=False)
            except ValueError:
                raise fault_at((number,), "expected an address or a network, like 10.0.0.1 or 10.0.0.0/8") from None
        return texts

    @model_validator(mode="after")
    def _both_files(self) -> WebConfig:
        if (self.certificate is None) != (self.key is None):
            raise fault_at(
                ("key" if self.key is None else "certificate",), "https needs both files: certificate and key"
            )
        return self
