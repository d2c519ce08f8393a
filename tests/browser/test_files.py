"""An operator sends a file to the register in a real browser, watches it, and looks at what is parked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, FilePayload, Page, ViewportSize, expect
from sqlalchemy import text

from local.issuer import Issuer, make_issuer_app
from local.people import SHIPPED, PeopleFile
from services.intake.app import SERVICE
from shared.events.verification import VerificationOpened
from shared.web.app import make_web_app
from tests.browser.scene import Scene
from tests.browser.serving import address, listening, serving
from tests.browser.test_board import PHONE, refuse_violations, shoot
from tests.fixtures.deployments import DeploymentFactory
from tests.services.intake.city import csv_of, row

DESK = ViewportSize(width=1280, height=900)


@pytest.fixture
async def register(deployment_of: DeploymentFactory, tmp_path: Path) -> AsyncIterator[Scene]:
    """Intake of the city, empty, with people who may sign in."""
    issuer_socket, intake_socket = listening(), listening()
    issuer = Issuer(address(issuer_socket), PeopleFile(SHIPPED), tmp_path / "issuer", mode="laptop")
    deployment = await deployment_of(
        SERVICE, oidc_issuer=issuer.url, oidc_jwks_url=issuer.jwks_url, public_url=address(intake_socket)
    )
    app = make_web_app("intake", SERVICE.routes, deployment.deployment)
    async with serving(make_issuer_app(issuer), issuer_socket), serving(app, intake_socket):
        yield Scene(deployment, address(intake_socket))


async def sign_in(browser: Browser, scene: Scene, viewport: ViewportSize) -> Page:
    context = await browser.new_context(viewport=viewport, locale="id-ID", color_scheme="light")
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script failed: {error}"))
    page.on("console", lambda message: refuse_violations(message.text))
    await page.goto(scene.url)
    await page.get_by_role("button", name=re.compile(r"^Pengelola sistem\b")).first.click()
    await expect(page.locator("input[type=file]")).to_be_visible()
    return page


async def test_a_file_is_sent_and_its_page_renews_itself_until_it_is_done(chromium: Browser, register: Scene) -> None:
    page = await sign_in(chromium, register, DESK)
    await page.locator("input[name=register_code]").fill("dtks")
    rows = [row(1, 1), row(2, 2), row(3, 3, nik="6.47E+15")]
    sent = FilePayload(name="berkas.csv", mimeType="text/csv", buffer=csv_of(rows))
    await page.locator("input[type=file]").set_input_files(sent)
    await page.locator("form[action='/files'] button").click()
    await expect(page.locator("#files progress")).to_have_attribute("value", "0")
    await shoot(page, "files-working")
    await register.deployment.run_due()
    await expect(page.locator("#files .badge.good")).to_be_visible(timeout=15_000)
    await expect(page.locator("#files progress")).to_have_count(0)
    await expect(page.locator("#files .figures .value")).to_have_text(["2", "0", "0", "1"])
    async with page.expect_download() as fetching:
        await page.locator("#files a[download]").click()
    rejects = Path(await (await fetching.value).path()).read_text(encoding="utf-8")
    assert "alasan" in rejects.splitlines()[0]
    assert len(rejects.splitlines()) == 2
    await shoot(page, "files-done")


async def test_a_parked_record_is_dismissed_with_a_reason_and_a_confirmation(
    chromium: Browser, register: Scene
) -> None:
    broken = register.deployment.record(VerificationOpened.from_example())
    await register.deployment.hear(replace(broken, value=b"{broken"))
    async with register.deployment.transaction() as session:
        await session.execute(text("insert into kernel.statement (name, value) values ('react-from', 'true')"))
    page = await sign_in(chromium, register, PHONE)
    await page.get_by_role("link", name="Tertahan").click()
    await expect(page.locator("tbody tr")).to_have_count(1)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await shoot(page, "parked-list-phone")
    await page.locator("tbody a").click()
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    await shoot(page, "parked-record-phone")
    await page.get_by_label("Alasan").fill("diumumkan ulang oleh pengirim")
    await page.get_by_label("Ya, lepaskan untuk selamanya").check()
    await page.get_by_role("button", name="Lepaskan").click()
    await expect(page.get_by_text("Sudah dilepaskan")).to_be_visible()


async def test_on_a_phone_the_operators_pages_never_scroll_sideways(chromium: Browser, register: Scene) -> None:
    page = await sign_in(chromium, register, PHONE)
    for path, name in (("/", "files"), ("/duplicates", "duplicates"), ("/parked", "parked")):
        answer = await page.goto(register.url + path)
        assert answer is not None
        if answer.status != 403:  # duplicates are answered by others
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], path
        await shoot(page, f"{name}-phone")
