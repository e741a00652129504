"""Who may see what: a user its own, an administrator everything, others nothing."""

# No postponed annotations here: FastAPI reads them, and they name values of the host.
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Path

UserId = Annotated[str, Path(min_length=1, max_length=255, examples=["ada"])]

Dependency = Callable[..., Any]
"""A dependency of the host, as `Depends` takes it."""


def nobody_is_admin() -> bool:
    """The dependency of a host without administrators."""
    return False


@dataclass(frozen=True)
class Access:
    """The dependencies of the routes.

    `caller` is the id of the user that a request is from; `owner` is the user that a path names,
    after it is clear that the caller may see it.
    """

    caller: Dependency
    owner: Dependency

    @classmethod
    def of(cls, current_user: Dependency, is_admin: Dependency) -> "Access":
        """The access that follows from the host's own authentication."""

        def owner(
            user_id: UserId,
            caller: Annotated[str, Depends(current_user)],
            admin: Annotated[bool, Depends(is_admin)],
        ) -> str:
            if caller != user_id and not admin:
                raise HTTPException(403, "Access denied")
            return user_id

        return cls(current_user, owner)
