"""Who uses the page, and what each role may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["viewer", "operator", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True)
class User:
    """`id`: in the store, None where no login is needed. `cameras`: those the user may see, None for all."""

    name: str
    role: Role
    cameras: frozenset[str] | None = None
    id: int | None = None

    def at_least(self, role: Role) -> bool:
        """Whether the user may do what this role may do."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, camera: str) -> bool:
        """Whether the user may see this camera."""
        return self.cameras is None or camera in self.cameras


LOCAL = User("local", "admin")  # on this machine alone
