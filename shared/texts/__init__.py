"""One catalogue of everything people read, Indonesian and English.

Each area has a TOML file here whose tables are text codes::

    ["problem.household-not-found"]
    id = "Keluarga {household_id} tidak ada di register ini."
    en = "Household {household_id} is not in this register."
"""

from shared.texts.catalogue import Catalogue, CatalogueError, UnknownTextError, catalogue, has_text, text
from shared.texts.locales import DEFAULT_LOCALE, LOCALES, Locale, locale_from

__all__ = [
    "DEFAULT_LOCALE",
    "LOCALES",
    "Catalogue",
    "CatalogueError",
    "Locale",
    "UnknownTextError",
    "catalogue",
    "has_text",
    "locale_from",
    "text",
]
