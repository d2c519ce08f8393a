"""HTTP of verification: who visits where, cases and their progress, visits, decisions."""

from services.verification.api.assignments import router as assignments
from services.verification.api.cases import router as cases
from services.verification.api.decisions import router as decisions
from services.verification.api.forms import router as forms
from services.verification.api.visits import router as visits

ROUTERS = (assignments, cases, visits, decisions, forms)

__all__ = ["ROUTERS"]
