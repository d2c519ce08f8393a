"""The screens of intake: files on their way into the register, and the open questions of duplicates."""

from services.intake.pages.duplicates import router as duplicates
from services.intake.pages.files import router as files

ROUTERS = (files, duplicates)

__all__ = ["ROUTERS"]
