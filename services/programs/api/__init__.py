"""HTTP in: parse, load, decide, write, announce."""

from services.programs.api import casework, enrolments, households, payment_lists, places, programmes

ROUTES = (
    programmes.router,
    enrolments.router,
    places.router,
    payment_lists.router,
    casework.router,
    households.router,
)
