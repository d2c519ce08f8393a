"""Settings that every deployment has; a service's settings.py adds its own. Wrong settings fail at the start."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.events.fields import AgencyCode, RegionCode

Mode = Literal["production", "laptop"]


class DeploymentSettings(BaseSettings):
    """One deployment = (service, agency). Read from ``TUNTAS_*`` variables or from the deployment's own env file."""

    model_config = SettingsConfigDict(env_prefix="TUNTAS_", frozen=True, extra="ignore", env_file_encoding="utf-8")

    mode: Mode = "production"
    agency: AgencyCode
    region: RegionCode
    directory_file: Path = Field(description="The agency directory (YAML).")
    topic_root: str = Field("tuntas", pattern=r"^[a-z][a-z0-9]*$", description="First word of every topic's name.")

    database_url: SecretStr = Field(description="postgresql://role:password@host:port/database")
    database_ca_file: Path | None = Field(None, description="CA of PostgreSQL's certificate; production requires it.")
    database_pool_max: Annotated[int, Field(ge=1, le=100)] = 10

    kafka_bootstrap: str = Field(description="host:port[,host:port…]")
    kafka_username: str
    kafka_password: SecretStr
    kafka_ca_file: Path | None = Field(None, description="CA of the brokers' certificates; production requires it.")
    batch_records_max: Annotated[int, Field(ge=1, le=5_000)] = 500
    parked_in_a_row_max: Annotated[int, Field(ge=1, le=10_000)] = 100
    """So many handler failures in a row stop the consumer: then the bug is ours, not the records'."""

    oidc_issuer: str = Field(description="Exact `iss` of accepted tokens.")
    oidc_audience: str = "tuntas"
    oidc_jwks_url: str
    oidc_client_id: str = "tuntas-pages"
    public_url: str = Field("http://127.0.0.1:8000", description="Where people reach this deployment's pages.")

    vault_keys: SecretStr = Field(
        description="Deployment keys by version: `1:<base64 of 32 bytes>[,2:…]`; highest is used."
    )
    blind_index_key: SecretStr = Field(description="Base64 of 32 bytes, held per province; for exact look-ups.")

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    body_bytes_max: Annotated[int, Field(ge=1_024)] = 1_048_576
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    clock_file: Path | None = Field(None, description="Laptop only: seconds by which business time is ahead.")
    state_dir: Path = Field(Path(".tuntas"), description="Where uploads wait and large files are written.")

    @model_validator(mode="after")
    def _refuse_what_production_must_not_have(self) -> DeploymentSettings:
        if self.mode != "production":
            return self
        wrong = [
            sentence
            for holds, sentence in (
                (self.kafka_ca_file is None, "TUNTAS_KAFKA_CA_FILE: production speaks TLS to Kafka"),
                (self.database_ca_file is None, "TUNTAS_DATABASE_CA_FILE: production speaks TLS to PostgreSQL"),
                (
                    not self.oidc_issuer.startswith("https://"),
                    "TUNTAS_OIDC_ISSUER: production needs a real https issuer",
                ),
                (
                    not self.oidc_jwks_url.startswith("https://"),
                    "TUNTAS_OIDC_JWKS_URL: production fetches keys by https",
                ),
                (self.clock_file is not None, "TUNTAS_CLOCK_FILE: production has the real clock only"),
            )
            if holds
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def deployment_keys(self) -> dict[int, bytes]:
        """Deployment keys by version, 32 bytes each."""
        pairs = (each.split(":", 1) for each in self.vault_keys.get_secret_value().split(","))
        return {int(version): base64.b64decode(key) for version, key in pairs}

    def index_key(self) -> bytes:
        """Key of the blind index, 32 bytes."""
        return base64.b64decode(self.blind_index_key.get_secret_value())
