"""What a deployment's principal may do on Kafka. The broker denies whatever is not said here.

An agency in office writes on its own topics, reads all facts and the profiles it was granted, and joins its own
groups. A suspended one only reads; a removed one does nothing.
"""

from collections.abc import Iterator
from datetime import date

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from shared.directory import AgencyStatus, Deployment, Directory
from shared.events.topics import PROFILE_SERVICES, consumer_group, fact_prefix, producer_name, side_group_prefix
from shared.provisioning.cluster import answer_of, answers_of, wait_until
from shared.provisioning.principals import principal_of

_LITERAL, _PREFIXED = ResourcePatternType.LITERAL, ResourcePatternType.PREFIXED


def plan_of(directory: Directory, deployment: Deployment, on: date) -> set[AclBinding]:
    """What the directory allows a deployment's principal on a day."""
    status = directory.agency(deployment.agency).status
    if status is AgencyStatus.REMOVED:
        return set()
    principal = f"User:{principal_of(directory.root, deployment.id)}"
    allowed = {_allow(principal, *each) for each in _may_read(directory, deployment, on)}
    if status is AgencyStatus.ACTIVE:
        allowed |= {_allow(principal, *each) for each in _may_write(directory, deployment)}
    return allowed


def ensure_acls(admin: AdminClient, principal: str, plan: set[AclBinding]) -> list[str]:
    """Gives what is missing, takes what is too much, of this principal alone; says what it changed."""
    held = set(answer_of(admin.describe_acls(_all_of(principal))))
    missing, surplus = plan - held, held - plan
    # What is too much goes first: in between, the principal may do less, never more.
    if surplus:
        answers_of(admin.delete_acls([_exactly(each) for each in surplus]))
    if missing:
        answers_of(admin.create_acls(list(missing)))
    if plan != held:
        wait_until(lambda: set(answer_of(admin.describe_acls(_all_of(principal)))) == plan, f"ACLs of {principal}")
    return sorted([f"taken: {_sentence(each)}" for each in surplus] + [f"given: {_sentence(each)}" for each in missing])


def _may_read(
    directory: Directory, deployment: Deployment, on: date
) -> Iterator[tuple[ResourceType, str, ResourcePatternType, AclOperation]]:
    root, (service, agency) = directory.root, deployment.id
    yield ResourceType.TOPIC, fact_prefix(root), _PREFIXED, AclOperation.READ
    readable = directory.profiles_granted_to(deployment.id, on)
    if _announces_profiles(deployment):
        readable.append(deployment.id)
    for announcer in readable:
        yield ResourceType.TOPIC, directory.profiles_topic_of(*announcer), _LITERAL, AclOperation.READ
    # Another's group cannot be joined: ours is named whole, and the prefix of our further groups ends in a dot.
    yield ResourceType.GROUP, consumer_group(root, service, agency), _LITERAL, AclOperation.READ
    yield ResourceType.GROUP, side_group_prefix(root, service, agency), _PREFIXED, AclOperation.READ


def _may_write(
    directory: Directory, deployment: Deployment
) -> Iterator[tuple[ResourceType, str, ResourcePatternType, AclOperation]]:
    yield ResourceType.TOPIC, directory.topic_of(*deployment.id), _LITERAL, AclOperation.WRITE
    # Who could write under another's name would shut its relay out.
    name = producer_name(directory.root, *deployment.id)
    yield ResourceType.TRANSACTIONAL_ID, name, _LITERAL, AclOperation.WRITE
    if _announces_profiles(deployment):
        yield ResourceType.TOPIC, directory.profiles_topic_of(*deployment.id), _LITERAL, AclOperation.WRITE


def _announces_profiles(deployment: Deployment) -> bool:
    return deployment.service in PROFILE_SERVICES


def _allow(
    principal: str, kind: ResourceType, name: str, pattern: ResourcePatternType, operation: AclOperation
) -> AclBinding:
    return AclBinding(kind, name, pattern, principal, "*", operation, AclPermissionType.ALLOW)


def _all_of(principal: str) -> AclBindingFilter:
    """Matches whatever the principal holds: None is any name and any host, which the stub forgets."""
    return AclBindingFilter(
        ResourceType.ANY,
        None,  # type: ignore[arg-type]
        ResourcePatternType.ANY,
        f"User:{principal}",
        None,  # type: ignore[arg-type]
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _exactly(acl: AclBinding) -> AclBindingFilter:
    return AclBindingFilter(
        acl.restype,
        acl.name,
        acl.resource_pattern_type,
        acl.principal,
        acl.host,
        acl.operation,
        acl.permission_type,
    )


def _sentence(acl: AclBinding) -> str:
    star = "*" if acl.resource_pattern_type is _PREFIXED else ""
    operation, kind = (str(each).rpartition(".")[2] for each in (acl.operation, acl.restype))
    return f"{operation} on {kind.lower()} {acl.name}{star} for {acl.principal}"
