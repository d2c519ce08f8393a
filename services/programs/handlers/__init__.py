"""Events in: ``projections`` fill the read tables, ``reactions`` act on what they mean for our enrolments."""

from services.programs.handlers import projections, reactions
from services.programs.handlers.router import router

__all__ = ["projections", "reactions", "router"]
