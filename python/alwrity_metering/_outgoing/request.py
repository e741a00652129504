"""What a request that goes out asks for, and of whom."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from .. import _native
from ..results import OutgoingCall

#: A form with files that is larger is not looked into: its model stays unknown.
FORM_BYTES_MAX = 32 << 20
#: Paths that are charged for although none of the operations has a name for what they do.
_UNNAMED = re.compile(r"/audio/(transcriptions|translations)/?$")
_FIELD_NAME = re.compile(rb'[;\s]name="([^"\r\n]*)"', re.IGNORECASE)


def library_of(request: Any) -> ModuleType:
    """The library that a request is of: `httpx`, or `httpx2`, which is the same below that name."""
    for kind in type(request).__mro__:
        name = kind.__module__.partition(".")[0]
        if name in ("httpx", "httpx2"):
            return sys.modules[name]
    raise TypeError(f"expected a request of httpx or httpx2, not {type(request).__qualname__}")


def read(request: Any, aliases: Mapping[str, str]) -> OutgoingCall | None:
    """What a request asks for; nothing when it is not one that a provider charges for."""
    url = placed(str(request.url), aliases)
    call = _native.read_request(url, None)
    if call is None or not _is_charged(request.method, request.url.path, call):
        return None
    return _native.read_request(url, body_of(request))


def placed(url: str, aliases: Mapping[str, str]) -> str:
    """A URL, or the one that it stands for."""
    for own, provider in aliases.items():
        if url.startswith(own) and url[len(own) : len(own) + 1] in ("", "/", "?", "#"):
            return provider + url[len(own) :]
    return url


def checked_aliases(aliases: Mapping[str, str] | None) -> dict[str, str]:
    """Aliases without closing slashes, the longest first."""
    checked: dict[str, str] = {}
    for own, provider in (aliases or {}).items():
        for address in (own, provider):
            if not re.match(r"https?://[^/?#]+[^?#]*$", address):
                raise ValueError(f"aliases: {address!r} is no address such as 'https://host/path'")
        checked[own.rstrip("/")] = provider.rstrip("/")
    return dict(sorted(checked.items(), key=lambda pair: -len(pair[0])))


def _is_charged(method: str, path: str, call: OutgoingCall) -> bool:
    """A list of models costs nothing, nor does asking how far a job is."""
    if call.operation is None:
        return method == "POST" and _UNNAMED.search(path) is not None
    return method == "POST" or (method == "GET" and call.operation == "search")


def body_of(request: Any) -> bytes | None:
    """The body as JSON, of a form its fields without the files; nothing when it is neither."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return _form_of(request, kind)
    body = _content(request)
    return body if body is not None and body[:1] == b"{" else None


def fingerprint(user: str, request: Any) -> bytes:
    """What tells a request from another one, without keeping any of it."""
    digest = hashlib.sha256(f"{user}\0{request.method}\0{request.url}\0".encode())
    digest.update(_content(request) or b"")
    return digest.digest()


def size_bytes(request: Any) -> int | None:
    """The size of the body, where it is known before it is sent."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isdecimal() else None


def _content(request: Any) -> bytes | None:
    """The body; nothing when it is made while it is sent, which can be done only once."""
    try:
        content: bytes = request.content
    except library_of(request).RequestNotRead:
        return None
    return content


def _form_of(request: Any, kind: str) -> bytes | None:
    size = size_bytes(request)
    boundary = re.search(r'boundary="?([^";]+)', kind)
    if size is None or size > FORM_BYTES_MAX or boundary is None:
        return None
    fields: dict[str, object] = {}
    for part in request.read().split(b"--" + boundary[1].encode()):
        head, _, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if name is not None and b"filename=" not in head:
            text = value.removesuffix(b"\r\n").decode(errors="replace")
            fields[name[1].decode(errors="replace")] = int(text) if text.isdecimal() else text
    return json.dumps(fields).encode()
