"""Tokens: pinned issuers, public-key algorithms, fresh keys, and no storm of requests for them."""

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from local.issuer import AUDIENCE, make_issuer_app
from local.issuer import Issuer as LaptopIssuer
from local.people import PeopleFile, people_of_state
from shared.problem import Problem
from shared.security import Role
from shared.security.issuer_keys import FRESH_S, REFRESH_AT_MOST_EVERY_S, STALE_S, IssuerKeys, KeysUnavailableError
from shared.security.tokens import LEEWAY_S, Issuer, TokenVerifier

URL = "http://127.0.0.1:4999"
OFFICER = "dinsos-samarinda.petugas-program"


class Counted(httpx2.ASGITransport):
    """Counts what is asked of the issuer, and may be cut off from it."""

    def __init__(self, app: Any) -> None:
        super().__init__(app=app)
        self.asked = 0
        self.down = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        if self.down:
            raise httpx2.ConnectError("down")
        return await super().handle_async_request(request)


@pytest.fixture
def laptop(tmp_path: Path) -> LaptopIssuer:
    return LaptopIssuer(URL, PeopleFile(people_of_state(tmp_path)), tmp_path, mode="laptop")


@pytest.fixture
def transport(laptop: LaptopIssuer) -> Counted:
    return Counted(make_issuer_app(laptop))


@pytest.fixture
def verifier(transport: Counted) -> TokenVerifier:
    return TokenVerifier([Issuer(URL, f"{URL}/jwks")], AUDIENCE, httpx2.AsyncClient(transport=transport))


async def code_of(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(Problem) as refused:
        await verifier.verify(token)
    assert refused.value.status in {401, 503}
    return refused.value.code


async def test_a_good_token_tells_who_asks(laptop: LaptopIssuer, verifier: TokenVerifier) -> None:
    caller = await verifier.verify(laptop.issue_token(OFFICER))
    assert (caller.subject, caller.agency, caller.regions) == (OFFICER, "dinsos-samarinda", ("64.72",))
    assert caller.roles == {Role.PROGRAMME_OFFICER}
    assert caller.name == "Petugas program BLT"


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "ä.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", "a" * 9_000])
async def test_what_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    assert await code_of(verifier, token) in {"token-malformed", "token-algorithm"}


async def test_a_changed_token_is_refused(laptop: LaptopIssuer, verifier: TokenVerifier) -> None:
    head, body, signature = laptop.issue_token(OFFICER).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    richer = base64.urlsafe_b64encode(json.dumps(claims | {"roles": ["operator"]}).encode()).rstrip(b"=").decode()
    assert await code_of(verifier, f"{head}.{richer}.{signature}") == "token-signature"


async def test_the_public_key_does_not_serve_as_a_shared_secret(laptop: LaptopIssuer, verifier: TokenVerifier) -> None:
    public = laptop.key_set()["keys"][0]
    secret = OctKey.import_key(json.dumps(public))
    claims = {"iss": URL, "sub": OFFICER, "aud": AUDIENCE, "exp": 9_000_000_000}
    token = jwt.encode({"alg": "HS256", "kid": public["kid"]}, claims, secret, ["HS256"])
    assert await code_of(verifier, token) == "token-algorithm"


@pytest.mark.parametrize("alg", ["none", "HS256", "RS512", "", None, 7])
async def test_only_listed_algorithms_count(verifier: TokenVerifier, alg: Any) -> None:
    head = base64.urlsafe_b64encode(json.dumps({"alg": alg}).encode()).rstrip(b"=").decode()
    body = base64.urlsafe_b64encode(json.dumps({"iss": URL}).encode()).rstrip(b"=").decode()
    assert await code_of(verifier, f"{head}.{body}.c2ln") in {"token-algorithm", "token-malformed"}


async def test_a_key_of_another_kind_is_refused(laptop: LaptopIssuer, verifier: TokenVerifier) -> None:
    other = RSAKey.generate_key(2048, {"kid": laptop.key_set()["keys"][0]["kid"]})
    token = jwt.encode({"alg": "RS256", "kid": other.kid}, {"iss": URL}, other)
    assert await code_of(verifier, token) in {"token-signature", "token-malformed"}


async def test_an_issuer_speaks_for_its_own_agencies_only(laptop: LaptopIssuer, transport: Counted) -> None:
    narrow = Issuer(URL, f"{URL}/jwks", frozenset({"dinkop-samarinda"}))
    verifier = TokenVerifier([narrow], AUDIENCE, httpx2.AsyncClient(transport=transport))
    assert await code_of(verifier, laptop.issue_token(OFFICER)) == "token-issuer"
    assert (await verifier.verify(laptop.issue_token("dinkop-samarinda.petugas-program"))).agency == "dinkop-samarinda"


async def test_a_checked_token_ends_on_its_second(laptop: LaptopIssuer, transport: Counted) -> None:
    now = time.time()
    verifier = TokenVerifier(
        [Issuer(URL, f"{URL}/jwks")], AUDIENCE, httpx2.AsyncClient(transport=transport), lambda: now
    )
    token = laptop.issue_token(OFFICER, ttl_s=20)
    assert await verifier.verify(token) is await verifier.verify(token)
    now += 20 + LEEWAY_S + 1
    assert await code_of(verifier, token) == "token-expired"


async def test_unknown_keys_do_not_make_a_storm(
    laptop: LaptopIssuer, verifier: TokenVerifier, transport: Counted
) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "unknown"})
    token = jwt.encode({"alg": "ES256", "kid": "unknown"}, {"iss": URL}, stranger)
    codes = await asyncio.gather(*(code_of(verifier, token) for _ in range(100)))
    assert set(codes) == {"token-signature"}
    assert transport.asked == 1
    await verifier.verify(laptop.issue_token(OFFICER))
    assert transport.asked == 1


async def test_without_keys_the_caller_is_asked_to_come_again(
    laptop: LaptopIssuer, verifier: TokenVerifier, transport: Counted
) -> None:
    transport.down = True
    assert await code_of(verifier, laptop.issue_token(OFFICER)) == "token-keys-unavailable"


async def test_keys_are_kept_while_fresh_and_used_while_the_issuer_is_down(
    laptop: LaptopIssuer, transport: Counted
) -> None:
    now = 1_000.0
    keys = IssuerKeys(f"{URL}/jwks", httpx2.AsyncClient(transport=transport), lambda: now)
    known = laptop.key_set()["keys"][0]["kid"]
    assert await keys.find(known)
    now += FRESH_S
    assert await keys.find(known)
    assert transport.asked == 1

    transport.down = True
    now += 1
    assert await keys.find(known)
    assert transport.asked == 2
    now += STALE_S
    with pytest.raises(KeysUnavailableError):
        await keys.find(known)

    transport.down = False
    now += REFRESH_AT_MOST_EVERY_S
    assert await keys.find(known)
    assert await keys.find("unknown") is None
    assert transport.asked == 4
    now += REFRESH_AT_MOST_EVERY_S
    assert await keys.find("unknown") is None
    assert transport.asked == 5


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys": [{"kty": "XX"}]}', b"\xff"])
async def test_a_damaged_key_set_is_no_key_set(body: bytes) -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body))
    keys = IssuerKeys(f"{URL}/jwks", httpx2.AsyncClient(transport=transport))
    with pytest.raises(KeysUnavailableError):
        await keys.find("any")


async def test_a_published_secret_is_no_key() -> None:
    secret = OctKey.generate_key(256, {"kid": "s"}).as_dict(private=True)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json={"keys": [secret]}))
    assert await IssuerKeys(f"{URL}/jwks", httpx2.AsyncClient(transport=transport)).find("s") is None
