"""The catalogue: both languages, the same placeholders, and never a guess."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from shared.problem import TYPE_PREFIX, Finding, Problem
from shared.security import Role
from shared.texts import LOCALES, Catalogue, CatalogueError, Locale, UnknownTextError, catalogue, locale_from, text
from shared.texts.formats import day, moment, number, rupiah


def test_the_shipped_catalogue_is_whole() -> None:
    # Reading it checks it: languages, placeholders, codes that stand twice.
    assert "problem.invalid" in catalogue().codes


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_can_be_filled(locale: Locale) -> None:
    for code in catalogue().codes:
        values = {name: f"<{name}>" for name in catalogue().placeholders(code)}
        filled = text(code, locale, **values)
        assert filled.strip() == filled, code
        assert all(value in filled for value in values.values()), code


def test_every_problem_says_what_to_do_and_has_a_title() -> None:
    codes = {code for code in catalogue().codes if code.startswith("problem.") and code.count(".") == 1}
    for code in codes:
        values: dict[str, Any] = dict.fromkeys(catalogue().placeholders(code), "x")
        told = Problem(code.removeprefix("problem."), 422, **values).to_json("id")
        assert told["title"]
        assert told["what_to_do"]
        assert told["type"] == f"{TYPE_PREFIX}{told['code']}"


def test_every_role_has_a_title() -> None:
    assert len({role.title_in(locale) for role in Role for locale in LOCALES}) > len(Role)


def test_an_unknown_code_or_a_missing_value_raises() -> None:
    with pytest.raises(UnknownTextError, match=r"no\.such"):
        text("no.such", "id")
    with pytest.raises(UnknownTextError, match="agency"):
        text("problem.other-agency", "en")
    with pytest.raises(UnknownTextError, match="agency"):
        Problem("other-agency", status=403)
    with pytest.raises(UnknownTextError):
        Problem("no-such-problem", status=400)
    with pytest.raises(UnknownTextError):
        Finding("no-such-reason").to_json("id")


@pytest.mark.parametrize(
    ("entries", "mistake"),
    [
        ({"a": {"id": "x"}}, "no text in en"),
        ({"a": {"id": "x", "en": " "}}, "no text in en"),
        ({"a": {"id": "x {n}", "en": "x {m}"}}, "different placeholders"),
        ({"a": {"id": "x {n}", "en": "x"}}, "different placeholders"),
        ({"a": {"id": "x {", "en": "x {"}}, "Single"),
        ({"a": {"id": "x {a.b}", "en": "x {a.b}"}}, "plain names"),
        ({"a": {"id": "x {}", "en": "x {}"}}, "plain names"),
        ({"a": {"b": {"id": "x", "en": "x"}}}, "quotes"),
        ({"a": "x"}, "quotes"),
    ],
)
def test_a_wrong_entry_is_named(entries: dict[str, object], mistake: str) -> None:
    with pytest.raises(CatalogueError, match=mistake):
        Catalogue({"area.toml": entries})


def test_a_code_stands_in_one_file() -> None:
    entry = {"a": {"id": "x", "en": "x"}}
    with pytest.raises(CatalogueError, match="two files"):
        Catalogue({"one.toml": entry, "two.toml": entry})


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        (None, "id"),
        ("", "id"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("id-ID,id;q=0.9,en;q=0.8", "id"),
        ("fr, en;q=0.5", "en"),
        ("fr", "id"),
        ("en;q=0", "id"),
        ("id;q=0.1, en", "en"),
        ("en;q=x", "id"),
        (";;;,,=", "id"),
    ],
)
def test_the_reader_is_asked_for_a_language(header: str | None, locale: str) -> None:
    assert locale_from(header) == locale


def test_numbers_and_days_read_as_people_write_them() -> None:
    assert rupiah(300_000, "id") == "Rp\N{NO-BREAK SPACE}300.000"
    assert rupiah(-1_234_567_890, "en") == "-Rp\N{NO-BREAK SPACE}1,234,567,890"
    assert (number(9_032, "id"), number(9_032, "en")) == ("9.032", "9,032")
    assert (day(date(2022, 12, 21), "id"), day(date(2022, 5, 1), "en")) == ("21 Desember 2022", "1 May 2022")
    midnight = datetime(2022, 12, 20, 16, 5, tzinfo=UTC)
    assert (moment(midnight, "id"), moment(midnight, "en")) == ("21 Desember 2022, 00.05", "21 December 2022, 00:05")
    with pytest.raises(ValueError, match="naive"):
        moment(datetime(2022, 12, 20), "id")  # noqa: DTZ001


@pytest.mark.parametrize(("locale", "shown"), [("id", "Rp\xa020.000.000"), ("en", "Rp\xa020,000,000")])
def test_money_is_written_in_the_readers_language(locale: Locale, shown: str) -> None:
    texts = Catalogue({"area": {"reason.short": {"id": "Kurang {asked:rupiah}.", "en": "Short of {asked:rupiah}."}}})
    assert shown in texts.text("reason.short", locale, {"asked": 20_000_000})
