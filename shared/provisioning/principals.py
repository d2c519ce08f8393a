"""Kafka principals: one SCRAM user per deployment, named like its topic."""

from concurrent.futures import Future
from typing import cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from shared.directory import DeploymentId
from shared.events.topics import consumer_group
from shared.provisioning.cluster import REQUEST_SECONDS_MAX, answers_of, is_refusal, wait_until

_MECHANISM = ScramMechanism.SCRAM_SHA_256
_ITERATIONS = 8192


def principal_of(root: str, deployment: DeploymentId) -> str:
    """The SCRAM user name of a deployment; its ACLs say `User:` before it."""
    return consumer_group(root, *deployment)


def ensure_principal(admin: AdminClient, name: str, password: str, *, renew: bool) -> list[str]:
    """Makes the user where it is missing. Kafka cannot be asked for a password: `renew` sets it over an old one."""
    known = is_known(admin, name)
    if known and not renew:
        return []
    info = ScramCredentialInfo(_MECHANISM, _ITERATIONS)
    upsertion = UserScramCredentialUpsertion(name, info, password.encode())
    answers_of(admin.alter_user_scram_credentials([upsertion]))
    wait_until(lambda: is_known(admin, name), f"principal {name}")
    return [f"principal {name}: password renewed" if known else f"principal {name} made"]


def remove_principal(admin: AdminClient, name: str) -> list[str]:
    """Nobody signs in by that name any more; who is signed in is stopped by the ACLs."""
    if not is_known(admin, name):
        return []
    answers_of(admin.alter_user_scram_credentials([UserScramCredentialDeletion(name, _MECHANISM)]))
    wait_until(lambda: not is_known(admin, name), f"the removal of {name}")
    return [f"principal {name} removed"]


def is_known(admin: AdminClient, name: str) -> bool:
    requests = cast("dict[str, Future[object]]", admin.describe_user_scram_credentials([name]))
    try:
        requests[name].result(REQUEST_SECONDS_MAX)
    except KafkaException as error:
        if is_refusal(error, KafkaError.RESOURCE_NOT_FOUND):
            return False
        raise
    return True
