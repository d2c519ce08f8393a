"""An officer fills in the visit form on a phone, and a supervisor decides at a desk, in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect
from uuid_utils.compat import uuid7

from local.issuer import Issuer, make_issuer_app
from local.people import SHIPPED, PeopleFile
from services.verification.app import SERVICE
from services.verification.models import Assignment
from shared.events.verification import HouseholdVerified, VisitRecorded
from shared.web.app import make_web_app
from tests.browser.serving import address, listening, serving
from tests.fixtures.deployments import DeploymentFactory
from tests.services.verification.city import City
from tests.services.verification.story import ANSWERS

BUILD = Path(__file__).resolve().parents[2] / "build"
PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=900)
WIDER = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
async def city(deployment_of: DeploymentFactory, tmp_path: Path) -> AsyncIterator[tuple[City, str]]:
    """A verification deployment with one case to visit, and its address."""
    issuer_socket, own_socket = listening(), listening()
    issuer = Issuer(address(issuer_socket), PeopleFile(SHIPPED), tmp_path / "issuer", mode="laptop")
    deployment = await deployment_of(
        SERVICE, oidc_issuer=issuer.url, oidc_jwks_url=issuer.jwks_url, public_url=address(own_socket)
    )
    screens = make_web_app("verification", SERVICE.routes, deployment.deployment)
    async with serving(make_issuer_app(issuer), issuer_socket), serving(screens, own_socket):
        yield City(deployment), address(own_socket)


async def send_officer(verification: City) -> None:
    """The officer works in the city; said in the table, because this deployment believes the laptop's issuer alone."""
    async with verification.deployment.transaction() as session:
        now = verification.deployment.clock.now()
        officer = "dinsos-samarinda.petugas-verifikasi-1"
        session.add(
            Assignment(id=uuid7(), region="64.72", officer=officer, made_by="penyelia", made_at=now, ended_by=None)
        )


async def sign_in(browser: Browser, url: str, viewport: ViewportSize, title: str) -> Page:
    """A page on which somebody has chosen who they are; a script that fails, or breaks the policy, fails the test."""
    context = await browser.new_context(viewport=viewport, locale="id-ID", color_scheme="light")
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script failed: {error}"))
    page.on("console", lambda message: refuse_violations(message.text))
    await page.goto(url)
    await page.get_by_role("button", name=re.compile(rf"^{title}\b")).first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Kasus")
    return page


def refuse_violations(message: str) -> None:
    assert "Content Security Policy" not in message, message


async def shoot(page: Page, name: str) -> None:
    BUILD.mkdir(exist_ok=True)
    await page.screenshot(path=BUILD / f"{name}.png", full_page=True)


async def fill(page: Page) -> None:
    for name, answer in ANSWERS.items():
        field = page.locator(f'[name="answer.{name}"]')
        if isinstance(answer, bool):
            await page.locator(f'[name="answer.{name}"][value="{"yes" if answer else "no"}"]').check()
        elif await field.evaluate("each => each.tagName") == "SELECT":
            await field.select_option(str(answer))
        else:
            await field.fill(str(answer))


async def test_a_visit_on_a_phone_and_a_decision_at_a_desk(chromium: Browser, city: tuple[City, str]) -> None:
    verification, url = city
    await send_officer(verification)
    await verification.listed(members=2)

    phone = await sign_in(chromium, url, PHONE, "Petugas verifikasi lapangan 1")
    await shoot(phone, "verification-cases")
    await phone.get_by_role("link", name="Sempaja Selatan").click()
    business = phone.locator('[data-question="business"]')
    await expect(business).to_be_hidden()
    for member in await phone.locator('[name^="outcome."]').all():
        await member.select_option("confirmed")
    await fill(phone)
    await expect(business).to_be_visible()
    await shoot(phone, "verification-visit")
    assert not await phone.evaluate(WIDER)

    await phone.get_by_role("button", name="Kirim kunjungan").click()
    await expect(phone.locator("#problem")).to_contain_text("Lampirkan paling sedikit 1 foto.")
    await phone.locator('input[type="file"]').set_input_files(
        {"name": "rumah.jpg", "mimeType": "image/jpeg", "buffer": b"a house"}
    )
    await expect(phone.locator("[data-photo-count]")).to_have_text("1")
    await phone.get_by_role("button", name="Kirim kunjungan").click()
    await expect(phone.get_by_role("heading", name="Kasus ditugaskan")).to_be_visible()
    assert len(await verification.deployment.announced(VisitRecorded)) == 1

    desk = await sign_in(chromium, url, DESK, "Penyelia verifikasi")
    await desk.get_by_role("link", name="Sempaja Selatan").click()
    await expect(desk.locator("main")).to_contain_text("Skor 90: miskin ekstrem")
    await shoot(desk, "verification-decision")
    await desk.get_by_label("Terverifikasi").check()
    await desk.get_by_role("button", name="Putuskan").click()
    await expect(desk.get_by_role("heading", name="Kasus sudah dikunjungi")).to_be_visible()
    (said,) = await verification.deployment.announced(HouseholdVerified)
    assert (said.evidence_count, said.score) == (1, 90)


async def test_nobody_at_the_door_hides_the_questions(chromium: Browser, city: tuple[City, str]) -> None:
    verification, url = city
    await send_officer(verification)
    await verification.listed(members=1)
    phone = await sign_in(chromium, url, PHONE, "Petugas verifikasi lapangan 1")
    await phone.get_by_role("link", name="Sempaja Selatan").click()
    await phone.locator('[name="no_answer_reason"]').select_option("nobody-home")
    await expect(phone.locator('[data-question="head_has_work"]')).to_be_hidden()
    await phone.locator('[name="no_answer_reason"]').select_option("")
    await expect(phone.locator('[data-question="head_has_work"]')).to_be_visible()
