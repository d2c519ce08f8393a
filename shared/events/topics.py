"""The names on the bus: topics, consumer groups and subscription patterns, said nowhere else.

A deployment (service × agency) announces facts on `<root>.<service>.<agency>` and profiles on
`<root>-profiles.<service>.<agency>`. Neither a service nor an agency code holds a dot, so that a name splits in one
way only, and a prefix that ends in a dot can never cover another deployment's name.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

SERVICES = ("intake", "verification", "programs", "notifications")
# Those who know households from papers and from visits also say what they are like; nobody else announces profiles.
PROFILE_SERVICES = ("intake", "verification")
ROOT_DEFAULT = "tuntas"
AGENCY_CODE = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
# Records of one household must stay on one partition for ever: this number is never changed.
PARTITIONS = 12

_ANY_SERVICE = "|".join(SERVICES)
_AGENCY = re.compile(AGENCY_CODE)
_ROOT = re.compile(r"[a-z][a-z0-9]*")


class Announcer(NamedTuple):
    """The deployment that a topic belongs to, and which of its two kinds of topic it is."""

    service: str
    agency: str
    kind: Literal["facts", "profiles"]


def fact_topic(root: str, service: str, agency: str) -> str:
    """The topic on which one deployment announces what it decided."""
    return f"{_checked_root(root)}.{_deployment(service, agency)}"


def profiles_topic(root: str, service: str, agency: str) -> str:
    """The compacted topic on which one deployment announces what households are like."""
    return f"{profiles_root(root)}.{_deployment(service, agency)}"


def profiles_root(root: str) -> str:
    """Outside the prefix of the facts, so that READ on all facts gives nothing of any profile."""
    return f"{_checked_root(root)}-profiles"


def fact_prefix(root: str) -> str:
    """What every fact topic, and no profiles topic, begins with: for prefixed ACLs."""
    return f"{_checked_root(root)}."


def consumer_group(root: str, service: str, agency: str) -> str:
    """The group in which all workers of one deployment hear."""
    return fact_topic(root, service, agency)


def side_group_prefix(root: str, service: str, agency: str) -> str:
    """Begins the names of a deployment's further groups (a rebuild, a reconciliation), and of nobody else's."""
    return f"{consumer_group(root, service, agency)}."


def producer_name(root: str, service: str, agency: str) -> str:
    """The name under which a deployment's relays write: where the latest has written, the broker refuses the others."""
    return fact_topic(root, service, agency)


@lru_cache(maxsize=4096)
def parse_topic(topic: str, root: str = ROOT_DEFAULT) -> Announcer | None:
    """Who announces on a topic, or None where the name is none of ours."""
    head, _, tail = topic.partition(".")
    service, _, agency = tail.partition(".")
    if service not in SERVICES or not _AGENCY.fullmatch(agency):
        return None
    if head == root:
        return Announcer(service, agency, "facts")
    return Announcer(service, agency, "profiles") if head == profiles_root(root) else None


def facts_pattern(root: str) -> str:
    """Matches every fact topic, also of agencies that join later, and nothing else."""
    return rf"^{re.escape(_checked_root(root))}\.(?:{_ANY_SERVICE})\.{AGENCY_CODE}$"


def subscription_pattern(root: str) -> str:
    """Matches every fact and profiles topic. The broker shows a principal only the profiles it was granted."""
    return rf"^{re.escape(_checked_root(root))}(?:-profiles)?\.(?:{_ANY_SERVICE})\.{AGENCY_CODE}$"


def is_agency_code(code: str) -> bool:
    """Lower-case words joined by hyphens, at most 40 characters: fits topics, databases, roles and file names."""
    return len(code) <= 40 and _AGENCY.fullmatch(code) is not None


def _deployment(service: str, agency: str) -> str:
    if service not in SERVICES:
        raise ValueError(f"{service!r} is no service; the services are {', '.join(SERVICES)}")
    if not is_agency_code(agency):
        raise ValueError(f"{agency!r} is no agency code: lower-case words joined by hyphens, at most 40 characters")
    return f"{service}.{agency}"


def _checked_root(root: str) -> str:
    # Without a hyphen no root can be the profiles root of another.
    if not _ROOT.fullmatch(root):
        raise ValueError(f"{root!r} is no topic root: lower-case letters and digits, a letter first")
    return root
