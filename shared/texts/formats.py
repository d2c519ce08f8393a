"""Money, numbers, days and moments as people write them; Babel knows how."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from shared.texts.locales import Locale

ZONE_DEFAULT = "Asia/Makassar"


def rupiah(amount: int, locale: Locale) -> str:
    """Whole rupiah: `Rp 300.000` in Indonesian, `Rp 300,000` in English. The space does not break."""
    sign = "-" if amount < 0 else ""
    return f"{sign}Rp\N{NO-BREAK SPACE}{format_decimal(abs(amount), locale=locale)}"


def number(value: int, locale: Locale) -> str:
    """An integer with the language's thousands sign: `9.032`."""
    return format_decimal(value, locale=locale)


def day(value: date, locale: Locale) -> str:
    """`21 Desember 2022`, `21 December 2022`."""
    return format_date(value, format="d MMMM y", locale=locale)


def moment(value: datetime, locale: Locale, zone: str = ZONE_DEFAULT) -> str:
    """An aware datetime in a region's zone: `21 Desember 2022, 14.05`. Raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("a naive datetime has no moment")
    local = value.astimezone(ZoneInfo(zone))
    clock = "HH.mm" if locale == "id" else "HH:mm"
    return format_datetime(local, format=f"d MMMM y, {clock}", locale=locale)
