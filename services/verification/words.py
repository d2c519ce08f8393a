"""What people read in place of a code. What events carry has its words in the code lists beside the schemas."""

from __future__ import annotations

from shared.texts import Locale, has_text, text


def answer_words(question: str, code: str, locale: Locale) -> str:
    """An answer of the visit form."""
    listed = f"code.housing-{question}.{code}"
    return text(listed if has_text(listed) else f"answer.{code}", locale)


def reason_words(code: str, locale: Locale) -> str:
    """A reason of a decision, a return, a revocation or another category."""
    keys = (f"code.rejection-reasons.{code}", f"code.revocation-reasons.{code}", f"verification.{code}")
    return text(next((key for key in keys if has_text(key)), keys[-1]), locale)


def relation_words(code: str | None, locale: Locale) -> str:
    """How a member is related to the head of the family; simply a member where nobody said."""
    listed = f"code.relations.{code}"
    return text(listed if has_text(listed) else "visit.member", locale)
