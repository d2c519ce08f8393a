"""Events in: ``projections`` fill the read tables, ``reactions`` act on what they mean for our enrolments."""

import services.programs.handlers.projections
import services.programs.handlers.reactions  # noqa: F401 - registers its handlers
from services.programs.handlers.router import router

__all__ = ["router"]
