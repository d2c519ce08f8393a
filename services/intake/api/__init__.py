"""The routes of intake."""

from services.intake.api.cohorts import router as cohorts
from services.intake.api.duplicates import router as duplicates
from services.intake.api.households import router as households
from services.intake.api.identity import router as identity
from services.intake.api.imports import router as imports

ROUTERS = (households, identity, imports, cohorts, duplicates)

__all__ = ["ROUTERS"]
