"""What a command leaves to people: papers to sign, secrets to hand over, processes to start, data to destroy."""

from shared.directory import read_directory
from shared.events.topics import fact_topic
from shared.provisioning.agency import Joining, kept_databases
from shared.provisioning.operator import OperatorSettings
from shared.texts import Locale, text


def after_joining(operator: OperatorSettings, joining: Joining, language: Locale) -> list[str]:
    """Numbered, in the order in which it is usually done; at the end how to start what runs here."""
    said = {"name": joining.name, "agency": joining.code, "region": joining.region}
    files = [operator.env_file_of((service, joining.code), joining.runs) for service in joining.services]
    papers = [
        text("agency.sign.agreement", language, **said),
        text("agency.sign.legal-basis", language, legal_basis=joining.legal_basis)
        if joining.legal_basis
        else text("agency.sign.no-profiles", language),
        text("agency.sign.dpia", language),
        text("agency.sign.officers", language),
        text("agency.sign.secrets", language, files=", ".join(map(str, files))),
    ]
    if joining.runs == "elsewhere":
        topics = [fact_topic(operator.topic_root, service, joining.code) for service in joining.services]
        papers.append(text("agency.sign.client", language, name=joining.name, topics=", ".join(topics)))
    starts = [
        text("agency.start", language, service=service, agency=joining.code, file=file)
        for service, file in zip(joining.services, files, strict=True)
        if joining.runs == "here"
    ]
    return ["", text("agency.joined", language, **said), *_numbered(papers), *([""] if starts else []), *starts]


def after_removal(operator: OperatorSettings, code: str, language: Locale) -> list[str]:
    """What is left of an agency that was removed, and who must see to it."""
    deployments = read_directory(operator.directory_file, operator.topic_root).deployments(agency=code)
    files = ", ".join(str(operator.laid_aside_file_of(each.id)) for each in deployments)
    return [
        "",
        text("agency.removed", language, agency=code),
        *(text("agency.removed.database", language, database=name) for name in kept_databases(operator, deployments)),
        text("agency.removed.copies", language, agency=code, files=files),
    ]


def _numbered(lines: list[str]) -> list[str]:
    return [f"  {number}. {line}" for number, line in enumerate(lines, 1)]
