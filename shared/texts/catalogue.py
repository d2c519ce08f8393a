"""Reads the catalogue and refuses it as a whole when one entry is wrong: a missing text is found at the start."""

import string
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from shared.events.codes import CodeList, code_lists
from shared.texts.formats import rupiah
from shared.texts.locales import LOCALES, Locale


class CatalogueError(ValueError):
    """An area's file is not acceptable. The message says each wrong entry on a line of its own."""


class UnknownTextError(LookupError):
    """No text of that code, or a value that its placeholders need was not given."""


class Catalogue:
    """All texts by code. Every entry has both languages with the same placeholders."""

    def __init__(self, areas: Mapping[str, Mapping[str, object]]) -> None:
        self._texts: dict[str, dict[str, str]] = {}
        mistakes: list[str] = []
        for area, entries in areas.items():
            for code, entry in entries.items():
                if code in self._texts:
                    mistakes.append(f"{area}: {code} stands in two files")
                mistakes += [f"{area}: {code}: {mistake}" for mistake in _mistakes(entry)]
                if isinstance(entry, dict):
                    self._texts[code] = entry
        if mistakes:
            raise CatalogueError("\n".join(mistakes))

    @property
    def codes(self) -> frozenset[str]:
        return frozenset(self._texts)

    def placeholders(self, code: str) -> frozenset[str]:
        """Names of the values which the text of a code needs."""
        return _placeholders(self._template(code, LOCALES[0]))

    def text(self, code: str, locale: Locale, values: Mapping[str, object]) -> str:
        """The text of a code. Raises UnknownTextError for a code or placeholder without an answer."""
        try:
            return _Filled(locale).vformat(self._template(code, locale), (), values)
        except KeyError as missing:
            raise UnknownTextError(f"text {code!r} needs the value {missing}") from None

    def _template(self, code: str, locale: Locale) -> str:
        try:
            return self._texts[code][locale]
        except KeyError:
            raise UnknownTextError(f"no text {code!r} in the catalogue") from None


class _Filled(string.Formatter):
    """Fills a text in a language; `{amount:rupiah}` is written as people of that language write money."""

    def __init__(self, locale: Locale) -> None:
        self._locale = locale

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "rupiah":
            return rupiah(value, self._locale) if isinstance(value, int) else str(value)
        return str(super().format_field(value, format_spec))


@cache
def catalogue() -> Catalogue:
    """The catalogue of this installation: every `*.toml` beside this module, and the code lists of events.

    A code's text is `code.<list>.<code>`, e.g. `code.rejection-reasons.refused`.
    """
    found = sorted((each for each in files("shared.texts").iterdir() if each.name.endswith(".toml")), key=_name)
    areas = {each.name: tomllib.loads(each.read_text(encoding="utf-8")) for each in found}
    return Catalogue(areas | {f"codes/{each.name}.yaml": _texts_of(each) for each in code_lists().values()})


def text(code: str, locale: Locale, /, **values: object) -> str:
    """The text of a code in a language, its `{placeholders}` filled. Raises UnknownTextError, never guesses."""
    return catalogue().text(code, locale, values)


def has_text(code: str) -> bool:
    return code in catalogue().codes


def _texts_of(codes: CodeList) -> dict[str, object]:
    return {f"code.{codes.name}.{code}": {"id": listed.id, "en": listed.en} for code, listed in codes.codes.items()}


def _name(entry: object) -> str:
    return str(getattr(entry, "name", entry))


def _mistakes(entry: object) -> Iterable[str]:
    if not isinstance(entry, dict):
        yield 'write codes in quotes: ["area.word"]'
        return
    unknown = sorted(set(entry) - set(LOCALES))
    if unknown:
        yield f"unknown keys {', '.join(unknown)} (is the code in quotes?)"
    missing = [locale for locale in LOCALES if not isinstance(entry.get(locale), str) or not entry[locale].strip()]
    if missing:
        yield f"no text in {', '.join(missing)}"
        return
    try:
        named = {locale: _placeholders(entry[locale]) for locale in LOCALES}
    except ValueError as error:
        yield f"{error}"
        return
    if len(set(named.values())) > 1:
        yield "the languages have different placeholders"
    if any(not name.isidentifier() for names in named.values() for name in names):
        yield "placeholders are plain names"


def _placeholders(template: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)
