"""A deployment's own settings and secrets: generated once, kept by the operator, handed to one process."""

import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from shared.directory import Deployment, Directory
from shared.provisioning.cluster import dsn_of
from shared.provisioning.databases import database_of
from shared.provisioning.operator import OperatorSettings
from shared.provisioning.principals import principal_of
from shared.provisioning.secrets_file import (
    kept_key,
    new_key,
    new_password,
    read_variables,
    variables_text,
    write_secretly,
)
from shared.settings import DeploymentSettings


@dataclass(frozen=True)
class Secrets:
    """The secrets of one deployment. `fresh` where they were made just now and nothing knows them yet."""

    kafka_password: str
    database_password: str
    vault_keys: str
    fresh: bool

    @classmethod
    def kept_in(cls, path: Path) -> "Secrets":
        """What an earlier run wrote, or new ones."""
        kept = read_variables(path)
        if "TUNTAS_KAFKA_PASSWORD" not in kept:
            return cls(new_password(), new_password(), f"1:{new_key()}", fresh=True)
        database = unquote(urlsplit(kept.get("TUNTAS_DATABASE_URL", "")).password or "") or new_password()
        return cls(kept["TUNTAS_KAFKA_PASSWORD"], database, kept.get("TUNTAS_VAULT_KEYS", ""), fresh=False)


def write_env(operator: OperatorSettings, directory: Directory, deployment: Deployment, secrets: Secrets) -> list[str]:
    """The deployment's env file, mode 0600; says so where it changed.

    Written after the cluster knows the secrets: a run that broke off in between makes new ones.
    """
    path = operator.env_file_of(deployment.id, deployment.runs)
    variables = _kafka_part(operator, directory, deployment, secrets)
    if deployment.runs == "here":
        operator.files_dir_of(deployment.id).mkdir(parents=True, exist_ok=True, mode=0o700)
        variables |= _process_part(operator, directory, deployment, secrets)
    text = variables_text(variables, f"{deployment.id}: keep secret; written by `tuntas agency`")
    return [f"settings of {deployment.id} written"] if write_secretly(path, text) else []


def settings_of(operator: OperatorSettings, deployment: Deployment) -> DeploymentSettings:
    """A deployment's settings as its file says; the operator's own environment has no say in them."""
    variables = read_variables(operator.env_file_of(deployment.id))
    return DeploymentSettings.model_validate(
        {name.removeprefix("TUNTAS_").lower(): value for name, value in variables.items()}
    )


def lay_aside(operator: OperatorSettings, deployment: Deployment) -> list[str]:
    """Moves the settings of a removed deployment away from those that run."""
    path = operator.env_file_of(deployment.id, deployment.runs)
    if not path.exists():
        return []
    aside = operator.laid_aside_file_of(deployment.id)
    aside.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.replace(aside)
    return [f"settings of {deployment.id} laid aside in {aside}"]


def take_up(operator: OperatorSettings, deployment: Deployment) -> None:
    """Brings back the settings of a deployment that returns: its keys open what it wrote before."""
    path, aside = operator.env_file_of(deployment.id, deployment.runs), operator.laid_aside_file_of(deployment.id)
    if aside.exists() and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside.replace(path)


def kept_port(operator: OperatorSettings, deployment: Deployment) -> int | None:
    """The port that a deployment was given before."""
    port = read_variables(operator.env_file_of(deployment.id, deployment.runs)).get("TUNTAS_HTTP_PORT")
    return int(port) if port else None


def free_port(taken: set[int]) -> int:
    """A port of the loopback on which nobody listens, and that is not in `taken`."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port not in taken:
            return port


def _kafka_part(
    operator: OperatorSettings, directory: Directory, deployment: Deployment, secrets: Secrets
) -> dict[str, str]:
    return {
        "TUNTAS_MODE": operator.mode,
        "TUNTAS_AGENCY": deployment.agency,
        "TUNTAS_REGION": directory.agency(deployment.agency).region,
        "TUNTAS_TOPIC_ROOT": operator.topic_root,
        "TUNTAS_KAFKA_BOOTSTRAP": operator.kafka,
        "TUNTAS_KAFKA_USERNAME": principal_of(operator.topic_root, deployment.id),
        "TUNTAS_KAFKA_PASSWORD": secrets.kafka_password,
        **_if_set("TUNTAS_KAFKA_CA_FILE", operator.kafka_ca_file),
    }


def _process_part(
    operator: OperatorSettings, directory: Directory, deployment: Deployment, secrets: Secrets
) -> dict[str, str]:
    region = directory.agency(deployment.agency).region
    database = database_of(operator.topic_root, deployment.id)
    admin_dsn = operator.database_admin_dsn.get_secret_value()
    port = urlsplit(deployment.url).port if deployment.url and operator.mode == "laptop" else None
    return {
        "TUNTAS_DIRECTORY_FILE": str(operator.directory_file.absolute()),
        "TUNTAS_DATABASE_URL": dsn_of(admin_dsn, database, database, secrets.database_password),
        **_if_set("TUNTAS_DATABASE_CA_FILE", operator.database_ca_file),
        "TUNTAS_OIDC_ISSUER": operator.oidc_issuer,
        "TUNTAS_OIDC_AUDIENCE": operator.oidc_audience,
        "TUNTAS_OIDC_JWKS_URL": operator.oidc_jwks_url,
        "TUNTAS_VAULT_KEYS": secrets.vault_keys,
        "TUNTAS_BLIND_INDEX_KEY": kept_key(operator.index_key_file_of(region)),
        **_if_set("TUNTAS_CLOCK_FILE", operator.clock_file),
        **_if_set("TUNTAS_PUBLIC_URL", deployment.url),
        **_if_set("TUNTAS_HTTP_PORT", port),
        "TUNTAS_STATE_DIR": str(operator.files_dir_of(deployment.id).absolute()),
    }


def _if_set(name: str, value: object | None) -> dict[str, str]:
    return {} if value is None else {name: str(value)}
