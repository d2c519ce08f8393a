"""Events in: ``households`` and ``benefits`` fill the read tables, ``reactions`` act on what touches enrolments."""

import services.programs.handlers.benefits
import services.programs.handlers.households
import services.programs.handlers.reactions  # noqa: F401
from services.programs.handlers.router import router

__all__ = ["router"]
