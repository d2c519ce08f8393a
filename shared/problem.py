"""The one error that business code raises towards people: a coded, translated refusal with its HTTP status."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.texts import Locale, UnknownTextError, catalogue, has_text, text

TYPE_PREFIX = "urn:tuntas:problem:"


@dataclass(frozen=True, slots=True)
class Finding:
    """One of several things that are wrong: a code whose text is `reason.<code>`, and the field where it was found."""

    code: str
    field: str | None = None
    values: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def to_json(self, locale: Locale) -> dict[str, str]:
        answer = {"code": self.code, "detail": text(f"reason.{self.code}", locale, **self.values)}
        return answer if self.field is None else {"field": self.field, **answer}


class Problem(Exception):
    """A refusal with a status (RFC 9457).

    Texts: `problem.<code>` says what happened, `problem.<code>.do` (optional) what to do about it. A code without a
    text, or a text whose value is missing, fails here, where it is raised, and not when it is shown.
    """

    def __init__(
        self,
        code: str,
        /,
        status: int,
        *,
        field: str | None = None,
        errors: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.field = field
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.values = values
        missing = catalogue().placeholders(f"problem.{code}") - values.keys()
        if missing:
            raise UnknownTextError(f"text 'problem.{code}' needs {', '.join(sorted(missing))}")

    def to_json(self, locale: Locale) -> dict[str, Any]:
        """The problem details in a language. Holds codes and texts, never what was sent."""
        answer: dict[str, Any] = {
            "type": f"{TYPE_PREFIX}{self.code}",
            "title": _first(locale, f"problem.title.{self.status}", f"problem.title.{self.status // 100}xx"),
            "status": self.status,
            "detail": text(f"problem.{self.code}", locale, **self.values),
            "code": self.code,
            "what_to_do": _first(
                locale,
                f"problem.{self.code}.do",
                f"problem.do.{self.status}",
                f"problem.do.{self.status // 100}xx",
                values=self.values,
            ),
        }
        if self.field is not None:
            answer["field"] = self.field
        if self.errors:
            answer["errors"] = [finding.to_json(locale) for finding in self.errors]
        return answer


def _first(locale: Locale, *codes: str, values: Mapping[str, object] | None = None) -> str:
    found = next((code for code in codes if has_text(code)), codes[-1])
    return text(found, locale, **(values or {}))
