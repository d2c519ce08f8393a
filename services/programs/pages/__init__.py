"""The screens of officers and checkers: what there is to give, what waits for a second person, who gets what."""

from services.programs.pages.decisions import router as decisions
from services.programs.pages.desk import router as desk
from services.programs.pages.households import router as households

SCREENS = (desk, decisions, households)
