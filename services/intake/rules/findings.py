"""What a check found: a code, where, and whether it keeps the row out of the register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or odd. The sentence for people is ``reason.<code>`` of the catalogue."""

    code: str
    field: str
    refuses: bool
    """True keeps the row out of the register until somebody mends it; False is a warning that travels with it."""


def refusal(code: str, field: str) -> Finding:
    return Finding(code, field, refuses=True)


def warning(code: str, field: str) -> Finding:
    return Finding(code, field, refuses=False)


def is_refused(findings: Iterable[Finding]) -> bool:
    for each in findings:  # noqa: SIM110 - asked several times of every row, most of which have no finding
        if each.refuses:
            return True
    return False


def refusals(findings: Iterable[Finding]) -> list[str]:
    """Codes that refuse, each once, in the order found."""
    return list(dict.fromkeys(each.code for each in findings if each.refuses))


def warnings(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(each.code for each in findings if not each.refuses))
