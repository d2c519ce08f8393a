"""The laptop issuer: anybody of the cast, on this machine only, and never in production."""

import stat
from pathlib import Path

import httpx2
import pytest
import yaml

from local.issuer import Issuer, ProductionRefusedError, make_issuer_app
from local.people import (
    PeopleFile,
    UnknownPersonError,
    add_people,
    people_of_new_agency,
    people_of_state,
    remove_people,
)
from shared.directory import read_directory
from shared.security import Role

URL = "http://127.0.0.1:4999"


def issuer(state: Path, url: str = URL, mode: str = "laptop") -> Issuer:
    return Issuer(url, PeopleFile(people_of_state(state)), state, mode=mode)


def browser(state: Path) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=make_issuer_app(issuer(state))), base_url=URL)


@pytest.mark.parametrize(
    ("url", "mode"),
    [(URL, "production"), (URL, ""), ("http://0.0.0.0:4999", "laptop"), ("http://id.example.go.id", "laptop")],
)
def test_it_refuses_to_start_where_real_people_are(tmp_path: Path, url: str, mode: str) -> None:
    with pytest.raises(ProductionRefusedError):
        issuer(tmp_path, url, mode)


def test_the_environment_alone_is_enough_to_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNTAS_MODE", "production")
    with pytest.raises(ProductionRefusedError):
        issuer(tmp_path)


def test_its_key_is_kept_for_the_next_start_and_for_nobody_else(tmp_path: Path) -> None:
    assert issuer(tmp_path).key_set() == issuer(tmp_path).key_set()
    assert "d" not in issuer(tmp_path).key_set()["keys"][0]
    assert stat.S_IMODE((tmp_path / "issuer-key.json").stat().st_mode) == 0o600


def test_the_cast_fits_the_agencies_and_every_role_is_played(tmp_path: Path) -> None:
    people = PeopleFile(people_of_state(tmp_path)).people()
    directory = read_directory(Path("local/agencies.yaml"))
    assert {person.agency for person in people} == set(directory.entries.agencies)
    assert {role for person in people for role in person.roles} == set(Role)
    assert all(person.subject.startswith(f"{person.agency}.") for person in people)
    for agency in ("dinsos-samarinda", "dinkop-samarinda", "pupr-samarinda"):
        officers = [each for each in people if each.agency == agency and Role.PROGRAMME_OFFICER in each.roles]
        assert len(officers) >= 2, "what one decides another must be able to confirm"


def test_a_new_agencys_people_are_known_at_once(tmp_path: Path) -> None:
    path = people_of_state(tmp_path)
    one = issuer(tmp_path)
    with pytest.raises(UnknownPersonError):
        one.issue_token("disnaker-samarinda.petugas-program")
    new = people_of_new_agency("disnaker-samarinda", "64.72")
    add_people(path, new)
    once = path.read_text()
    add_people(path, new)
    assert path.read_text() == once
    assert one.issue_token("disnaker-samarinda.petugas-program")
    assert one.issue_token("dinsos-samarinda.koordinator-tkpk")

    remove_people(path, "disnaker-samarinda")
    with pytest.raises(UnknownPersonError):
        one.issue_token("disnaker-samarinda.petugas-program")
    assert yaml.safe_load(path.read_text())["people"]


async def test_scripts_get_a_token_by_naming_someone(tmp_path: Path) -> None:
    async with browser(tmp_path) as client:
        form = {"grant_type": "client_credentials", "client_id": "dinsos-kaltim.sistem-provinsi"}
        answer = await client.post("/token", data=form)
        assert answer.json()["token_type"] == "Bearer"
        for wrong in ({"client_id": "nobody.at-all"}, {"grant_type": "password"}, {"grant_type": "authorization_code"}):
            refused = await client.post("/token", data=form | wrong)
            assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://elsewhere.example/x"},
        {"redirect_uri": "http://127.0.0.1.elsewhere.example/x"},
        {"redirect_uri": "javascript:alert(1)"},
        {"client_id": "other"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
        {"code_challenge": "short"},
    ],
)
async def test_only_the_code_flow_with_pkce_back_to_this_machine(tmp_path: Path, change: dict[str, str]) -> None:
    asked = {
        "response_type": "code",
        "client_id": "tuntas-pages",
        "redirect_uri": "http://127.0.0.1:1/sign-in/return",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    chosen = {"subject": "dinsos-samarinda.koordinator-tkpk"}
    async with browser(tmp_path) as client:
        assert (await client.get("/authorize", params=asked)).status_code == 200
        assert (await client.post("/authorize", data=asked | chosen)).status_code == 303
        assert (await client.get("/authorize", params=asked | change)).status_code in {400, 422}
        assert (await client.post("/authorize", data=asked | chosen | change)).status_code in {400, 422}
        assert (await client.post("/authorize", data=asked | {"subject": "nobody.at-all"})).status_code == 400
