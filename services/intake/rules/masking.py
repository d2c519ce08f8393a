"""How identity is shown to those who may not see it whole: enough to recognise, not enough to know."""

from __future__ import annotations


def mask_number(number: str | None) -> str | None:
    """First four and last four digits: kecamatan, birth date and sex vanish."""
    return None if number is None else f"{number[:4]}{'*' * 8}{number[-4:]}"


def mask_name(name: str) -> str:
    """The first letter of each word."""
    return " ".join(f"{word[0]}***" for word in name.split())


def mask_phone(phone: str | None) -> str | None:
    return None if phone is None else f"{phone[:4]}****{phone[-4:]}"
