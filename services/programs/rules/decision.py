"""The answer of a rule: allowed, or every reason why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reason:
    """One coded reason. Its text is ``reason.<code>`` of the catalogue, filled with the values."""

    code: str
    values: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed exactly when there is no reason against it. Lists every reason, so that nobody comes back three times."""

    reasons: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons

    @property
    def codes(self) -> list[str]:
        return [reason.code for reason in self.reasons]

    @classmethod
    def of(cls, *found: Reason | Iterable[Reason] | None) -> Decision:
        """The decision from what each rule found: nothing, one reason, or several. A repeated code counts once."""
        reasons: dict[str, Reason] = {}
        for each in found:
            if each is None:
                continue
            for reason in (each,) if isinstance(each, Reason) else each:
                reasons.setdefault(reason.code, reason)
        return cls(tuple(reasons.values()))
