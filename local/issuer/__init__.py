"""A sign-in issuer for the laptop: real OpenID Connect, no passwords, and never in production."""

from local.issuer.app import make_issuer_app
from local.issuer.issuer import AUDIENCE, PAGES_CLIENT, Issuer, ProductionRefusedError

__all__ = ["AUDIENCE", "PAGES_CLIENT", "Issuer", "ProductionRefusedError", "make_issuer_app"]
