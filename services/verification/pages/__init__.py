"""The screens of officers and supervisors, made for a phone: cases, a visit at the door, a decision."""

from services.verification.pages.case import router as case
from services.verification.pages.frame import router as assets
from services.verification.pages.lists import router as lists

ROUTERS = (lists, case, assets)
