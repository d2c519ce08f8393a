"""What a request must be like before an endpoint sees it: content type, storable text, and the digest of its body."""

import json
import re
from typing import Any, Final

from cryptography.hazmat.primitives.hmac import HMAC
from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message

from shared.problem import Problem
from shared.security import Vault
from shared.web.sessions import CSRF_FIELD

_SUSPECT: Final = re.compile(rb"\x00|\\u(?:0000|[dD][89a-fA-F])")
KEY_FIELD: Final = "_key"
FORM_FRAME: Final = frozenset({KEY_FIELD, CSRF_FIELD})
"""Fields that the page shell adds to every form: they are about the request, not of it."""
_FORMS: Final = ("multipart/form-data", "application/x-www-form-urlencoded")
CHUNK_BYTES: Final = 1_048_576
FIELDS_MAX: Final = 500
FILES_MAX: Final = 20


def limited(request: Request, bytes_max: int) -> Request:
    """The same request, whose body may not exceed a limit. Raises 413 at once for a body that announces too much."""
    # The connection stays open: closed under a client that still sends, it would lose our answer on its way. The server
    # reads the rest of the body away without keeping it.
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > bytes_max:
        raise _too_large(bytes_max)
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > bytes_max:
            raise _too_large(bytes_max)
        return message

    return Request(request.scope, receive)


def _too_large(bytes_max: int) -> Problem:
    return Problem("body-too-large", status=413, limit_kib=bytes_max // 1024)


def has_form(request: Request) -> bool:
    """Whether the body says to be a form."""
    return _kind_of(request) in _FORMS


def check_content_type(request: Request, *, takes_form: bool) -> None:
    """Raises 415 where a body is not of the kind that the route reads."""
    kind = _kind_of(request)
    if takes_form:
        accepted, expected = kind in _FORMS, ", ".join(_FORMS)
    else:
        accepted = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
        expected = "application/json"
    if not accepted:
        raise Problem("content-type", status=415, expected=expected)


def _kind_of(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def check_address(request: Request) -> None:
    """Raises 422 for NUL characters in path or query: PostgreSQL keeps no text with them."""
    # Of the scope, and not of a URL, which is put together anew for each request.
    if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
        raise Problem("text-unstorable", status=422)


def check_json_text(body: bytes) -> None:
    """Raises 422 for texts that PostgreSQL cannot keep. Bodies that are no JSON are left to the parser's answer."""
    if not _SUSPECT.search(body):
        return
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return
    if not _is_storable(document):
        raise Problem("text-unstorable", status=422)


async def digest_of(request: Request, vault: Vault, *, form: FormData | None) -> bytes:
    """Digest of address and body. Of a form its fields and files count, not the boundary, which changes each time."""
    digest = vault.new_digest()
    query = request.scope["query_string"].decode("latin-1")
    digest.update(f"{request.method} {request.scope['path']}?{query}\0".encode())
    if form is None:
        digest.update(await request.body())
        return digest.finalize()
    for name, value in form.multi_items():
        if name in FORM_FRAME:
            continue
        digest.update(f"\0{name}\0".encode("utf-8", "surrogatepass"))
        if isinstance(value, str):
            digest.update(value.encode("utf-8", "surrogatepass"))
        else:
            await _feed(digest, value)
    return digest.finalize()


async def _feed(digest: HMAC, upload: UploadFile) -> None:
    while chunk := await upload.read(CHUNK_BYTES):
        digest.update(chunk)
    await upload.seek(0)


def check_form_text(form: FormData) -> None:
    """Raises 422 for form fields that PostgreSQL cannot keep."""
    if not all(_is_storable(name) and _is_storable(value) for name, value in form.multi_items()):
        raise Problem("text-unstorable", status=422)


def _is_storable(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, dict):
        return all(_is_storable(name) and _is_storable(each) for name, each in value.items())
    if isinstance(value, list):
        return all(map(_is_storable, value))
    return True
