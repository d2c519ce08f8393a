"""The language of a request: what the person chose on a page, else what the browser or client asks for."""

from typing import Annotated, Final

from fastapi import Depends, Request

from shared.texts import LOCALES, Locale, locale_from

LOCALE_COOKIE: Final = "tuntas-locale"


def locale_of(request: Request) -> Locale:
    """Indonesian where nothing else is asked for."""
    chosen = request.cookies.get(LOCALE_COOKIE)
    if chosen in LOCALES:
        return chosen
    return locale_from(request.headers.get("accept-language"))


async def _locale_of(request: Request) -> Locale:
    # Not the function above itself: the framework runs what does not say async in a thread of its own.
    return locale_of(request)


LocaleDep = Annotated[Locale, Depends(_locale_of)]
