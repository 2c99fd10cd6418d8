"""Signatures of webhooks after Standard Webhooks: HMAC-SHA256 of id, time and body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from streamer.errors import ConfigError

_PREFIX = "whsec_"
_LEAST, _MOST = 24, 64  # bytes of a key, by the specification


def key_of(secret: str) -> bytes:
    """The key that a secret stands for, `whsec_` and base64; ConfigError where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not _LEAST <= len(key) <= _MOST:
        raise ConfigError(
            f"secret: expected {_LEAST} to {_MOST} bytes in base64, like whsec_...: make one with "
            "`echo whsec_$(head -c 32 /dev/urandom | base64 -w0)`"
        )
    return key


def signed(key: bytes, identity: str, when: int, body: bytes) -> dict[str, str]:
    """The headers of a request. `identity`: the same at every try of a message; `when`: Unix time of this try."""
    content = b".".join((identity.encode(), str(when).encode(), body))
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": identity, "webhook-timestamp": str(when), "webhook-signature": f"v1,{signature}"}
