"""Kafka principals: one SCRAM user per deployment, named like its topic.

None is ever deleted: after a deletion Kafka 4.3.1 may forget every user when it next starts
(docs/decisions/principals-are-locked.md). Who must not sign in any more is locked.
"""

import secrets
from concurrent.futures import Future
from typing import cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialsDescription,
    UserScramCredentialUpsertion,
)

from shared.directory import DeploymentId
from shared.events.topics import consumer_group
from shared.provisioning.cluster import REQUEST_SECONDS_MAX, answers_of, is_refusal, wait_until

_MECHANISM = ScramMechanism.SCRAM_SHA_256
_ITERATIONS = 8192
# Kafka cannot be asked for a password, but for the rounds it was hashed with. No tool chooses this number by itself.
_ITERATIONS_LOCKED = 4097


def principal_of(root: str, deployment: DeploymentId) -> str:
    """The SCRAM user name of a deployment; its ACLs say `User:` before it."""
    return consumer_group(root, *deployment)


def ensure_principal(admin: AdminClient, name: str, password: str, *, renew: bool) -> list[str]:
    """Makes the user where it is missing or locked. Kafka cannot be asked for a password: `renew` sets it over an old
    one.
    """
    known = _MECHANISM in _unlocked(admin, name)
    if known and not renew:
        return []
    _set_password(admin, name, password, _ITERATIONS)
    wait_until(lambda: _MECHANISM in _unlocked(admin, name), f"principal {name}")
    return [f"principal {name}: password renewed" if known else f"principal {name} made"]


def lock_principal(admin: AdminClient, name: str) -> list[str]:
    """Nobody signs in by that name any more: its passwords, also those that others gave it, become ones that nobody
    knows. Who is signed in is stopped by the ACLs.
    """
    unlocked = _unlocked(admin, name)
    if not unlocked:
        return []
    for mechanism in unlocked:
        _set_password(admin, name, secrets.token_urlsafe(32), _ITERATIONS_LOCKED, mechanism)
    wait_until(lambda: not _unlocked(admin, name), f"the lock of {name}")
    return [f"principal {name} locked"]


def _unlocked(admin: AdminClient, name: str) -> list[ScramMechanism]:
    """The ways in which the user may sign in; none where there is no such user."""
    requests = cast("dict[str, Future[UserScramCredentialsDescription]]", admin.describe_user_scram_credentials([name]))
    try:
        description = requests[name].result(REQUEST_SECONDS_MAX)
    except KafkaException as error:
        if is_refusal(error, KafkaError.RESOURCE_NOT_FOUND):
            return []
        raise
    return [each.mechanism for each in description.scram_credential_infos if each.iterations != _ITERATIONS_LOCKED]


def _set_password(
    admin: AdminClient, name: str, password: str, iterations: int, mechanism: ScramMechanism = _MECHANISM
) -> None:
    info = ScramCredentialInfo(mechanism, iterations)
    answers_of(admin.alter_user_scram_credentials([UserScramCredentialUpsertion(name, info, password.encode())]))
