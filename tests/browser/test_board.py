"""A coordinator opens the board in a real browser, on a phone and on a desk."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Locator, Page, Route, ViewportSize, expect

from tests.browser.scene import Scene, families_of, opened

BUILD = Path(__file__).resolve().parents[2] / "build"
WIDER = """() => [...document.querySelectorAll("body *")]
  .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth )
  .slice(0, 9).map((each) => each.tagName + "." + each.getAttribute("class")).join(" ")"""
"""Which parts stick out, for whoever has to mend it."""
PHONE, DESK = ViewportSize(width=390, height=844), ViewportSize(width=1280, height=900)


async def sign_in(browser: Browser, scene: Scene, viewport: ViewportSize, title: str = "Koordinator TKPK") -> Page:
    """A page on which somebody has chosen who they are; anything the strict policy forbids fails the test."""
    context = await browser.new_context(viewport=viewport, locale="id-ID", color_scheme="light")
    page = await context.new_page()
    page.on("pageerror", lambda error: pytest.fail(f"script failed: {error}"))
    page.on("console", lambda message: refuse_violations(message.text))
    await page.goto(scene.url)
    await page.get_by_role("button", name=re.compile(rf"^{title}\b")).first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Kota Samarinda")
    return page


def refuse_violations(message: str) -> None:
    assert "Content Security Policy" not in message, message


def number_of(page: Page, name: str) -> Locator:
    return page.locator("table.buckets").get_by_role("row", name=re.compile(name)).locator("td").first


async def cell(page: Page, name: str) -> int:
    text = await number_of(page, name).inner_text()
    return int(re.sub(r"\D", "", text.split("\n")[0]))


async def shoot(page: Page, name: str) -> None:
    BUILD.mkdir(exist_ok=True)
    await page.screenshot(path=BUILD / f"{name}.png", full_page=True)


async def test_the_board_sums_and_speaks_two_languages(chromium: Browser, scene: Scene) -> None:
    page = await sign_in(chromium, scene, DESK)
    baseline = await cell(page, "Jumlah")
    groups = ["Masih harus dikerjakan", "Sudah ditangani", "Keluar dari daftar"]
    assert sum([await cell(page, group) for group in groups]) == baseline > 0
    await expect(page.locator("table.buckets tfoot")).to_contain_text("sama dengan angka awal")
    await expect(page.locator("#fund-lines")).to_contain_text("Rp\N{NO-BREAK SPACE}120.000.000")
    await shoot(page, "board-desk-id")
    await page.get_by_role("link", name="English").click()
    await expect(page.locator("table.buckets tfoot")).to_contain_text("equals the baseline")
    assert await cell(page, "Total") == baseline
    await expect(page.locator("#fund-lines")).to_contain_text("Rp\N{NO-BREAK SPACE}120,000,000")
    await shoot(page, "board-desk-en")


async def test_as_of_a_past_day_more_is_left_and_the_sum_is_the_same(chromium: Browser, scene: Scene) -> None:
    page = await sign_in(chromium, scene, DESK)
    now, baseline = await cell(page, "Masih harus dikerjakan"), await cell(page, "Jumlah")
    await page.get_by_label("Keadaan pada tanggal").fill("2023-01-31")
    await page.get_by_role("button", name="Tampilkan").click()
    await expect(page.get_by_text("Keadaan sampai akhir 31 Januari 2023")).to_be_visible()
    assert await cell(page, "Masih harus dikerjakan") > now
    assert await cell(page, "Jumlah") == baseline
    await page.get_by_role("link", name="Samarinda Utara").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Samarinda Utara")
    await expect(page.get_by_text("Keadaan sampai akhir 31 Januari 2023")).to_be_visible()
    await page.get_by_role("link", name="Hari ini").click()
    await expect(page.get_by_text("diperbarui langsung")).to_be_visible()


async def test_on_a_phone_the_page_never_scrolls_sideways(chromium: Browser, scene: Scene) -> None:
    page = await sign_in(chromium, scene, PHONE)
    for path, name in (("/", "board"), ("/inbox", "inbox"), ("/unserved", "unserved")):
        await page.goto(scene.url + path)
        width = await page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["width"], f"{path} is {width} wide: {await page.evaluate(WIDER)}"
        await shoot(page, f"{name}-phone")
    await page.goto(scene.url + "/unserved")
    await page.locator("tbody a").first.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Satu keluarga di semua dinas")
    await shoot(page, "household-phone")


async def test_a_message_is_read_once_and_the_badge_goes(chromium: Browser, scene: Scene) -> None:
    page = await sign_in(chromium, scene, DESK)
    await page.get_by_role("link", name=re.compile("pesan belum dibaca")).click()
    await shoot(page, "inbox-desk")
    unread = page.get_by_role("button", name="Tandai sudah dibaca")
    count = await unread.count()
    assert count > 0
    await unread.first.click()
    await expect(unread).to_have_count(count - 1)
    await page.get_by_role("button", name="Tandai semua sudah dibaca").click()
    await expect(unread).to_have_count(0)


async def test_an_open_board_follows_what_happens(chromium: Browser, scene: Scene) -> None:
    page = await sign_in(chromium, scene, DESK)
    before = await cell(page, "Dalam verifikasi")
    late = families_of(120)[-3:]
    await scene.deployment.deliver(*(opened(each) for each in late))
    await expect(number_of(page, "Dalam verifikasi")).not_to_have_text(str(before), timeout=25_000)
    assert await cell(page, "Dalam verifikasi") > before


async def test_what_happens_before_a_page_listens_is_seen_all_the_same(chromium: Browser, scene: Scene) -> None:
    page = await sign_in(chromium, scene, DESK)
    happened = asyncio.Event()

    async def say_nothing(route: Route) -> None:
        """A stream that begins when all has happened, and so has nothing to tell."""
        await happened.wait()
        await route.fulfill(content_type="text/event-stream", body="retry: 3600000\n: open\n\n")

    await page.route("**/changes", say_nothing)
    await page.reload()
    before = await cell(page, "Dalam verifikasi")
    await scene.deployment.deliver(*(opened(each) for each in families_of(120)[-6:-3]))
    happened.set()
    await expect(number_of(page, "Dalam verifikasi")).not_to_have_text(str(before), timeout=25_000)
    assert await cell(page, "Dalam verifikasi") > before


async def test_who_is_not_signed_in_is_asked_to(chromium: Browser, scene: Scene) -> None:
    page = await chromium.new_page()
    await page.goto(scene.url + "/inbox")
    assert "/authorize" in page.url
