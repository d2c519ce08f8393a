"""The topics of a deployment: facts kept for ever, profiles compacted, twelve partitions that never change."""

from dataclasses import dataclass

from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from shared.directory import DeploymentId
from shared.events.topics import PARTITIONS, PROFILE_SERVICES, fact_topic, profiles_topic
from shared.provisioning.cluster import REQUEST_SECONDS_MAX, ProvisioningError, answer_of, answers_of, wait_until

_DAY_MS = 24 * 60 * 60 * 1000

# New agencies and rebuilt boards start from the first fact.
FACTS = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
# An erased profile leaves the log within two days: one for the segment to close, one for it to be compacted. Its
# tombstone stays a week longer, so that a reader that was down over a holiday still learns of it.
PROFILES = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(_DAY_MS),
    "segment.ms": str(_DAY_MS),
    "delete.retention.ms": str(7 * _DAY_MS),
}


@dataclass(frozen=True)
class TopicPlan:
    name: str
    settings: dict[str, str]


def plan_of(root: str, deployment: DeploymentId, replicas: int) -> list[TopicPlan]:
    """The topics that a deployment announces on. A write is kept by all replicas but one before it counts."""
    safety = {"min.insync.replicas": str(max(1, replicas - 1))}
    plans = [TopicPlan(fact_topic(root, *deployment), FACTS | safety)]
    if deployment.service in PROFILE_SERVICES:
        plans.append(TopicPlan(profiles_topic(root, *deployment), PROFILES | safety))
    return plans


def ensure_topics(admin: AdminClient, plans: list[TopicPlan], replicas: int) -> list[str]:
    """Makes what is missing and sets what differs; says what it changed.

    Raises ProvisioningError for a topic with another number of partitions: its keys are spread already.
    """
    listed = admin.list_topics(timeout=REQUEST_SECONDS_MAX).topics
    there = {name: len(topic.partitions) for name, topic in listed.items()}
    for plan in plans:
        if there.get(plan.name, PARTITIONS) != PARTITIONS:
            raise ProvisioningError(f"{plan.name} has {there[plan.name]} partitions; it must have {PARTITIONS}")
    missing = [plan for plan in plans if plan.name not in there]
    if missing:
        answers_of(admin.create_topics([_new(plan, replicas) for plan in missing]))
        wait_until(lambda: _have_leaders(admin, missing), "new topics")
    changed = [f"topic {plan.name} made" for plan in missing]
    return changed + [line for plan in plans if plan.name in there for line in _ensure_settings(admin, plan)]


def _new(plan: TopicPlan, replicas: int) -> NewTopic:
    return NewTopic(plan.name, num_partitions=PARTITIONS, replication_factor=replicas, config=plan.settings)


def _have_leaders(admin: AdminClient, plans: list[TopicPlan]) -> bool:
    listed = admin.list_topics(timeout=REQUEST_SECONDS_MAX).topics
    return all(
        plan.name in listed and all(each.leader >= 0 for each in listed[plan.name].partitions.values())
        for plan in plans
    )


def _ensure_settings(admin: AdminClient, plan: TopicPlan) -> list[str]:
    resource = ConfigResource(ResourceType.TOPIC, plan.name)
    held = answer_of(admin.describe_configs([resource])[resource])
    wrong = {name: value for name, value in plan.settings.items() if held[name].value != value}
    if not wrong:
        return []
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in wrong.items()]
    request = ConfigResource(ResourceType.TOPIC, plan.name, incremental_configs=entries)
    answers_of(admin.incremental_alter_configs([request]))
    return [f"topic {plan.name}: {name} set to {value}" for name, value in wrong.items()]
