"""Pages: signing in and out, forms that only our pages can send, and one effect per click."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import Response

from shared.web.page import STATIC, static_url
from shared.web.sessions import begin_session
from shared.web.sign_in import local_path
from tests.shared.web.hall import ISSUER_URL, KEY_1, PEOPLE, Hall, open_hall

OFFICER = f"{PEOPLE}.petugas-program"


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


async def sign_in(hall: Hall, subject: str = OFFICER, path: str = "/desk") -> httpx2.Response:
    """Opens a page, is sent to the issuer, chooses whom to be, and comes back."""
    choice = await hall.browser.get(path)
    assert str(choice.url).startswith(f"{ISSUER_URL}/authorize?"), choice.text
    return await hall.browser.post(f"{ISSUER_URL}/authorize", data={**hidden(choice.text), "subject": subject})


async def test_a_person_signs_in_and_lands_where_she_wanted_to_go(hall: Hall) -> None:
    page = await sign_in(hall)
    assert (page.status_code, page.url.path) == (200, "/desk")
    assert "<h1>Petugas program BLT</h1>" in page.text
    assert "Rp\N{NO-BREAK SPACE}300.000" in page.text
    assert "Dinas Sosial dan Pemberdayaan Masyarakat Kota Samarinda" in page.text
    assert 'aria-current="page">Register keluarga' in page.text
    assert [row.action for row in await hall.rows("select action from kernel.audit")] == ["sign_in"]


async def test_the_session_cookie_is_sealed_and_out_of_scripts_reach(hall: Hall) -> None:
    answers: list[httpx2.Response] = []

    async def remember(answer: httpx2.Response) -> None:
        answers.append(answer)

    hall.browser.event_hooks = {"response": [remember]}
    await sign_in(hall)
    (cookie,) = [
        value
        for answer in answers
        for value in answer.headers.get_list("set-cookie")
        if "page-session=" in value and "Max-Age=0" not in value
    ]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "petugas" not in cookie
    assert cookie.startswith(f"tuntas-intake-{PEOPLE}-page-session=")


async def test_a_form_writes_once_however_often_it_is_clicked(hall: Hall) -> None:
    page = await sign_in(hall)
    form = {**hidden(page.text), "words": "from a form"}
    for _ in range(2):
        answer = await hall.browser.post("/desk", data=form)
        assert (answer.status_code, answer.url.path) == (200, "/desk")
    assert await hall.count("note") == 1


@pytest.mark.parametrize(
    ("change", "headers"),
    [
        ({"_csrf": ""}, {}),
        ({"_csrf": "x" * 32}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Origin": "https://elsewhere.example"}),
        ({}, {"Origin": "null"}),
    ],
)
async def test_a_form_from_elsewhere_is_refused(hall: Hall, change: dict[str, str], headers: dict[str, str]) -> None:
    page = await sign_in(hall)
    form = {**hidden(page.text), "words": "x", **change}
    answer = await hall.browser.post("/desk", data=form, headers=headers)
    assert answer.status_code == 403
    assert "<code>csrf</code>" in answer.text
    assert await hall.count("note") == 0


async def test_the_api_by_cookie_needs_the_pages_sign_too(hall: Hall) -> None:
    page = await sign_in(hall)
    note = {"region": "64.72", "words": "x"}
    headers = {"Idempotency-Key": "12345678", "Accept": "application/json"}
    assert (await hall.browser.post("/notes", json=note, headers=headers)).json()["code"] == "csrf"
    headers["X-CSRF-Token"] = hidden(page.text)["_csrf"]
    assert (await hall.browser.post("/notes", json=note, headers=headers)).status_code == 201


async def test_a_changed_or_foreign_cookie_is_nobody(hall: Hall, tmp_path: Path) -> None:
    await sign_in(hall)
    (cookie,) = [each for each in hall.browser.cookies.jar if each.name.endswith("page-session")]
    value = str(cookie.value)
    async with open_hall(hall.database, tmp_path, vault_keys=f"1:{KEY_1[::-1][1:]}=") as other:
        for host, sent in ((hall, value[:-4] + "AAA="), (hall, "é"), (hall, "AA"), (other, value)):
            answer = await host.client.get("/desk", headers=[(b"Cookie", f"{cookie.name}={sent}".encode())])
            assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")


async def test_a_session_ends_with_its_token(hall: Hall) -> None:
    await sign_in(hall)
    caller = await hall.app.state.tokens.verify(hall.issuer.issue_token(OFFICER))
    response = Response()
    begin_session(response, hall.deployment, caller, 1)
    cookie = response.headers["set-cookie"].partition(";")[0]
    answer = await hall.client.get("/desk", headers={"Cookie": cookie})
    assert answer.status_code == 401


async def test_signing_out_ends_the_session(hall: Hall) -> None:
    page = await sign_in(hall)
    answer = await hall.browser.post("/sign-out", data=hidden(page.text))
    assert (answer.status_code, answer.url.path) == (200, "/signed-out")
    assert "Anda sudah keluar" in answer.text
    assert (await hall.browser.get("/desk")).url.path == "/authorize"


@pytest.mark.parametrize("tamper", [{"state": "other"}, {"code": "other"}, {"code": ""}, {}])
async def test_an_answer_that_is_not_to_our_question_signs_nobody_in(hall: Hall, tamper: dict[str, str]) -> None:
    hall.browser.follow_redirects = False
    asked = await hall.browser.get("/sign-in")
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked.headers["location"]).query).items()}
    assert query["code_challenge_method"] == "S256"
    back = await hall.browser.post(f"{ISSUER_URL}/authorize", data={**query, "subject": OFFICER})
    told = {name: values[0] for name, values in parse_qs(urlsplit(back.headers["location"]).query).items()}
    if not tamper:  # the right answer, but in another browser
        hall.browser.cookies.clear()
    answer = await hall.browser.get("/sign-in/return", params=told | tamper)
    assert answer.status_code == 400
    assert "sign-in-failed" in answer.text
    assert "page-session" not in answer.headers.get("set-cookie", "")


async def test_a_code_is_good_once(hall: Hall) -> None:
    code = hall.issuer.begin(OFFICER, "http://127.0.0.1/x", "a" * 43, None)
    assert hall.issuer.exchange(code, "http://127.0.0.1/x", "wrong") is None
    assert hall.issuer.exchange(code, "http://127.0.0.1/x", "a") is None


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/desk?day=2022-12-21", "/desk?day=2022-12-21"),
        ("https://elsewhere.example", "/"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("/a\r\nSet-Cookie: x=1", "/"),
        ("", "/"),
        ("desk", "/"),
    ],
)
def test_sign_in_leads_nowhere_else(path: str, leads_to: str) -> None:
    assert local_path(path) == leads_to


async def test_a_person_chooses_the_language(hall: Hall) -> None:
    assert "Anda sudah keluar" in (await hall.browser.get("/signed-out")).text
    page = await hall.browser.get("/language/en?next=/signed-out")
    assert (page.url.path, page.headers["content-language"]) == ("/signed-out", "en")
    assert "You have signed out" in page.text
    assert (await hall.browser.get("/language/fr")).status_code == 422


async def test_a_problem_is_a_page_for_a_person_and_a_part_of_it_for_htmx(hall: Hall) -> None:
    page = await hall.browser.get("/nowhere")
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert "<!doctype html>" in page.text
    part = await hall.browser.get("/nowhere", headers={"HX-Request": "true"})
    assert "<!doctype html>" not in part.text
    assert "not-found" in part.text


async def test_nothing_is_loaded_from_elsewhere(hall: Hall) -> None:
    page = await sign_in(hall)
    addresses = re.findall(r'(?:src|href|action)="([^"]+)"', page.text)
    assert addresses
    assert all(address.startswith(("/", "#")) for address in addresses)
    assert "style=" not in page.text
    assert "<script>" not in page.text
    for address in addresses:
        if address.startswith("/static/"):
            file = await hall.browser.get(address)
            assert file.status_code == 200
            assert "immutable" in file.headers["cache-control"]


def test_the_vendored_script_is_the_published_one() -> None:
    assert static_url("vendor/htmx-2.0.11.min.js").endswith("?v=d6fdc75f204e")
    assert (STATIC / "vendor" / "htmx-LICENSE.txt").read_text().startswith("Zero-Clause BSD")


async def test_only_operators_are_led_to_what_is_parked(hall: Hall) -> None:
    led = 'href="/parked"'
    assert led not in (await sign_in(hall)).text
    hall.browser.cookies.clear()
    assert led in (await sign_in(hall, f"{PEOPLE}.pengelola-sistem", path="/parked")).text
