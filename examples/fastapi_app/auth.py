"""Sign-in: signed bearer tokens. Whoever has one is who it says; no header or query decides else.

It stands for whatever a host has. The metering asks for one thing only: a function from a request
to the id of the user.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

# The workers are processes of their own: all of them need the same key.
KEY = os.environ.get("EXAMPLE_SIGNING_KEY", "only-for-the-example").encode()
PASSWORDS = {"ada": "lovelace", "bob": "bob", "root": "root"}
ADMINS = {"root"}

bearer = HTTPBearer(auto_error=False, description="A token of `POST /token`.")


def token_of(user: str) -> str:
    """A token that says who somebody is."""
    return f"{user}.{signature(user)}"


def signature(user: str) -> str:
    """What only this service can write."""
    return hmac.new(KEY, user.encode(), hashlib.sha256).hexdigest()


def sign_in(user: str, password: str) -> str:
    """A token for the right password."""
    if not hmac.compare_digest(PASSWORDS.get(user, "").encode(), password.encode()) or not password:
        raise HTTPException(401, "Wrong user or password")
    return token_of(user)


def user_of_token(token: str) -> str | None:
    """The user of a token that this service has signed."""
    user, _, signed = token.rpartition(".")
    is_own = hmac.compare_digest(signature(user).encode(), signed.encode())
    return user if user and is_own else None


def user_of_request(request: Request) -> str | None:
    """For the middleware: the user of a request, nothing for a stranger."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return user_of_token(token) if scheme.lower() == "bearer" else None


def signed_in(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> str:
    """For routes: the user that is signed in."""
    user = user_of_token(credentials.credentials) if credentials else None
    if user is None:
        raise HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
    return user


def is_admin(user: Annotated[str, Depends(signed_in)]) -> bool:
    """For the billing endpoints: whether the caller may see everybody's."""
    return user in ADMINS
