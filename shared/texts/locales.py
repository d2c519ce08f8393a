"""The two languages, and which of them a reader asked for."""

from typing import Final, Literal

Locale = Literal["id", "en"]
LOCALES: Final[tuple[Locale, ...]] = ("id", "en")
DEFAULT_LOCALE: Final[Locale] = "id"


def locale_from(accept_language: str | None) -> Locale:
    """The best of our languages for an `Accept-Language` header; Indonesian where it names none of them."""
    wishes: list[tuple[float, int, Locale]] = []
    for place, part in enumerate((accept_language or "")[:500].split(",")):
        tag, _, parameters = part.strip().partition(";")
        language = tag.partition("-")[0].lower()
        wishes += [(-_weight(parameters), place, locale) for locale in LOCALES if locale == language]
    wishes.sort()
    return wishes[0][2] if wishes and wishes[0][0] < 0 else DEFAULT_LOCALE


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
