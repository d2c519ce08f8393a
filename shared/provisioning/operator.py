"""What the operator's steps know: where the cluster is, how its administrator signs in, where secrets are kept."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.provisioning.cluster import Addresses
from shared.provisioning.secrets_file import variables_text, write_secretly

OPERATOR_FILE = "operator.env"


class OperatorSettings(BaseSettings):
    """Read from `TUNTAS_*` variables and, beneath them, from the `operator.env` that an earlier run left."""

    model_config = SettingsConfigDict(env_prefix="TUNTAS_", frozen=True, extra="ignore", env_file_encoding="utf-8")

    state_dir: Path = Field(description="Where the secrets of all deployments are kept, for their owner alone.")
    mode: Literal["production", "laptop"] = "production"
    directory_file: Path
    topic_root: str = Field("tuntas", pattern=r"^[a-z][a-z0-9]*$")

    kafka: str = Field(description="host:port[,host:port…]")
    kafka_admin: SecretStr = Field(description="user:password of a super user.")
    kafka_ca_file: Path | None = None
    kafka_replicas: Annotated[int, Field(ge=1, le=9)] = 3

    database_admin_dsn: SecretStr = Field(description="postgresql://user:password@host:port/postgres")
    database_ca_file: Path | None = None

    oidc_issuer: str
    oidc_audience: str = "tuntas"
    oidc_jwks_url: str
    issuer_file: Path | None = Field(None, description="Laptop only: who may sign in at the laptop issuer.")
    clock_file: Path | None = Field(None, description="Laptop only: seconds by which business time is ahead.")

    @classmethod
    def of_state(cls, state_dir: Path) -> Self:
        """The settings that an earlier run left in a state folder; variables of the environment win over them."""
        return cls(_env_file=state_dir / OPERATOR_FILE, state_dir=state_dir)

    def keep(self) -> None:
        """Leaves these settings in the state folder for the commands that follow."""
        variables = {
            f"TUNTAS_{name.upper()}": _plain(value) for name, value in self if value is not None and name != "state_dir"
        }
        write_secretly(self.state_dir / OPERATOR_FILE, variables_text(variables, "The operator's settings"))

    @property
    def addresses(self) -> Addresses:
        return _AddressesOf(self)

    @property
    def deployments_dir(self) -> Path:
        """The settings of all that runs here, and of nothing else."""
        return self.state_dir / "deployments"

    def env_file_of(self, deployment: tuple[str, str], runs: Literal["here", "elsewhere"] = "here") -> Path:
        """Where the secrets and settings of a deployment are, or those of a client that runs elsewhere."""
        folder = self.deployments_dir if runs == "here" else self.state_dir / "clients"
        return folder / f"{'.'.join(deployment)}.env"

    def laid_aside_file_of(self, deployment: tuple[str, str]) -> Path:
        """Where the secrets of a removed deployment are: without them its database could never be read again."""
        return self.state_dir / "removed" / f"{'.'.join(deployment)}.env"

    def files_dir_of(self, deployment: tuple[str, str]) -> Path:
        """Where a deployment keeps uploads and large files."""
        return self.state_dir / "files" / ".".join(deployment)

    def index_key_file_of(self, region: str) -> Path:
        """Where the blind index key of a region's province is: registers of one province can be compared."""
        return self.state_dir / "provinces" / f"{region[:2]}.key"


class _AddressesOf:
    def __init__(self, operator: OperatorSettings) -> None:
        user, _, password = operator.kafka_admin.get_secret_value().partition(":")
        self.kafka_bootstrap = operator.kafka
        self.kafka_admin = (user, password)
        self.postgres_admin_dsn = operator.database_admin_dsn.get_secret_value()


def laptop_operator(
    addresses: Addresses,
    state_dir: Path,
    *,
    directory_file: Path,
    oidc_issuer: str,
    oidc_jwks_url: str,
    issuer_file: Path | None = None,
    clock_file: Path | None = None,
    topic_root: str = "tuntas",
) -> OperatorSettings:
    """Settings for a laptop's stack: one broker, no TLS on its loopback, a clock that may be moved."""
    return OperatorSettings(
        state_dir=state_dir,
        mode="laptop",
        directory_file=directory_file,
        topic_root=topic_root,
        kafka=addresses.kafka_bootstrap,
        kafka_admin=SecretStr(":".join(addresses.kafka_admin)),
        kafka_ca_file=None,
        kafka_replicas=1,
        database_admin_dsn=SecretStr(addresses.postgres_admin_dsn),
        database_ca_file=None,
        oidc_issuer=oidc_issuer,
        oidc_audience="tuntas",
        oidc_jwks_url=oidc_jwks_url,
        issuer_file=issuer_file,
        clock_file=clock_file,
    )


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
