"""What a request can be answered with beside its page: the app turns these into a page, a fragment or JSON."""

from __future__ import annotations


class Fault(Exception):
    """`key`: of the strings (or a text for people); `values` fill it."""

    status = 500

    def __init__(self, key: str = "", **values: object) -> None:
        super().__init__(key)
        self.key = key or self.default
        self.values = values

    default = "common.fault"


class Missing(Fault):
    """There is no such thing, or the user may not see it."""

    status, default = 404, "common.missing"


class Refused(Fault):
    """The user may not do that."""

    status, default = 403, "common.refused"


class Wrong(Fault):
    """What was sent makes no sense."""

    status, default = 422, "common.wrong"


class Unavailable(Fault):
    """What the page needs is not there just now."""

    status, default = 503, "common.unavailable"


class NoStore(Fault):
    """The page was asked for rows and there is no store."""

    status, default = 409, "common.no_store"


class TooMany(Fault):
    """The client asks too often. `after_s`: when it may again."""

    status, default = 429, "common.too_many"

    def __init__(self, key: str = "", *, after_s: float = 60, **values: object) -> None:
        super().__init__(key, **values)
        self.after_s = after_s


class NeedsLogin(Fault):
    """Nobody is logged in. `stale`: a token or cookie was sent that is no longer good."""

    status, default = 401, "common.needs_login"
