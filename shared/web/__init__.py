"""The edge of HTTP: routes that commit, guards, problem details, pages."""

from shared.problem import Finding, Problem
from shared.web.app import make_web_app
from shared.web.declared import undeclared_routes
from shared.web.deployment import Deployment, DeploymentDep
from shared.web.edge import EdgeRoute, SessionDep
from shared.web.gathering import Asked, GatherDep, Outcome
from shared.web.guards import allows, only_looks, public
from shared.web.locale import LocaleDep
from shared.web.page import Link, Pages

__all__ = [
    "Asked",
    "Deployment",
    "DeploymentDep",
    "EdgeRoute",
    "Finding",
    "GatherDep",
    "Link",
    "LocaleDep",
    "Outcome",
    "Pages",
    "Problem",
    "SessionDep",
    "allows",
    "make_web_app",
    "only_looks",
    "public",
    "undeclared_routes",
]
