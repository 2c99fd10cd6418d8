"""Faults of opening a camera: their kind, reason and remedy, and whether a retry can help."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from streamer.config.urls import hint, redact
from streamer.errors import InputError

# kind: what to do about it
_REMEDIES = {
    "unauthorized": "check user and password; {hint}",
    "forbidden": "check the account's rights, and whether the camera has locked it",
    "not found": "check the path of the address",
    "unknown host": "check the address and the name server",
    "refused": "check the port, and whether the camera is on",
    "unreachable": "check the network",
    "no answer": "check the address and the network",
    "unknown scheme": "this build of FFmpeg cannot open such addresses",
    "no device": "check the cable and the name (ls /dev/video*)",
    "no permission": "let this user read the device: usermod -aG video USER",
    "server error": "check the camera's own log, or restart it",
}
_BY_NAME = {
    "HTTPUnauthorizedError": ("unauthorized", "user or password refused (401)"),
    "HTTPForbiddenError": ("forbidden", "access forbidden (403)"),
    "HTTPNotFoundError": ("not found", "no such stream (404)"),
    "HTTPServerError": ("server error", "the server reports an error (5xx)"),
    "HTTPBadRequestError": ("bad request", "the server rejects the request as malformed (400)"),
    "HTTPOtherClientError": ("bad request", "the server refuses the request (4xx)"),
    "ProtocolNotFoundError": ("unknown scheme", "unknown scheme"),
}
# Faults that no retry mends.
PERMANENT = frozenset({"unauthorized", "forbidden", "unknown scheme", "no device", "no permission"})


class SourceFault(InputError):
    """A camera that could not be opened. `kind`: one of a fixed set of short names; `reason`: its description."""

    def __init__(self, message: str, kind: str, reason: str, at: object = None) -> None:
        super().__init__(message, at=at)
        self.kind, self.reason = kind, reason


def fault_of(name: str, address: str, error: Exception) -> SourceFault:
    """The fault that an error of opening that address is; reveals no part of its user or password."""
    kind, reason = _named(address, error)
    remedy = _REMEDIES.get(kind, "check the address, the network and the password").format(hint=hint())
    return SourceFault(f"{name}: cannot be opened ({reason}): {remedy}", kind, reason, name)


def _named(address: str, error: Exception) -> tuple[str, str]:
    for one in type(error).__mro__:
        if one.__name__ in _BY_NAME:
            return _BY_NAME[one.__name__]
    remote = "://" in address
    if isinstance(error, FileNotFoundError) and not remote:
        return "no device", "no such device"
    if isinstance(error, PermissionError) and not remote:
        return "no permission", "permission denied"
    if isinstance(error, ConnectionRefusedError):
        return "refused", "connection refused"
    if isinstance(error, TimeoutError) or type(error).__name__ == "ExitError":
        return "no answer", "no answer"
    if remote and _is_unknown(address):
        return "unknown host", "unknown host"
    reason = redact(str(getattr(error, "strerror", None) or error))
    return ("unreachable" if "unreachable" in reason.lower() else "cannot be opened"), reason


def _is_unknown(address: str) -> bool:
    """Whether its host cannot be resolved, which FFmpeg reports as an input/output error."""
    try:
        parts = urlsplit(address)
        if parts.hostname:
            socket.getaddrinfo(parts.hostname, parts.port or 554)
    except socket.gaierror:
        return True
    except (OSError, ValueError):
        return False
    return False
