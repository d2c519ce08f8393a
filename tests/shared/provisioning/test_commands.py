"""`tuntas agency`, as far as it goes without a cluster: what it asks for, and what it leaves to people."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.provisioning.agency import Joining
from shared.provisioning.commands import app
from shared.provisioning.operator import OperatorSettings
from shared.provisioning.to_sign import after_joining, after_removal

DAY = date(2026, 11, 23)


@pytest.fixture
def operator(tmp_path: Path) -> OperatorSettings:
    shipped = Path(__file__).parents[3] / "local" / "agencies.yaml"
    (tmp_path / "agencies.yaml").write_text(shipped.read_text())
    return OperatorSettings(
        state_dir=tmp_path / "state",
        mode="laptop",
        directory_file=tmp_path / "agencies.yaml",
        kafka="127.0.0.1:9",
        kafka_admin=SecretStr("admin:with:colon"),
        database_admin_dsn=SecretStr("postgresql://postgres:secret@127.0.0.1:9/postgres"),
        oidc_issuer="http://127.0.0.1:9",
        oidc_jwks_url="http://127.0.0.1:9/jwks",
    )


def test_kept_settings_are_those_of_the_next_command(operator: OperatorSettings) -> None:
    operator.keep()
    assert OperatorSettings.of_state(operator.state_dir) == operator
    assert operator.addresses.kafka_admin == ("admin", "with:colon")
    assert (operator.state_dir / "operator.env").stat().st_mode & 0o777 == 0o600


def test_without_settings_a_command_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="TUNTAS_KAFKA_ADMIN"):
        app(["suspend", "dinkop-samarinda", "--state", str(tmp_path)])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["add", "disnaker-samarinda"], "say --name, --region and at least one --service"),
        (
            ["add", "disnaker-samarinda", "--name", "Dinas", "--region", "64.99", "--service", "programs"],
            "no region that is loaded",
        ),
        (["suspend", "nobody"], "no agency nobody"),
        (["remove", "nobody"], "no agency nobody"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(
    operator: OperatorSettings, arguments: list[str], complaint: str
) -> None:
    operator.keep()
    with pytest.raises(SystemExit, match=complaint):
        app([*arguments, "--state", str(operator.state_dir)])


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("runs", ["here", "elsewhere"])
@pytest.mark.parametrize("legal_basis", [None, "uu-13-2011"])
def test_people_are_told_what_to_sign(
    operator: OperatorSettings, language: str, runs: str, legal_basis: str | None
) -> None:
    joining = Joining("disnaker-samarinda", "Dinas Tenaga Kerja", "64.72", ("programs",), DAY, runs, legal_basis)  # type: ignore[arg-type]
    said = "\n".join(after_joining(operator, joining, language))  # type: ignore[arg-type]
    assert "programs.disnaker-samarinda.env" in said
    assert ("tuntas serve programs --agency disnaker-samarinda" in said) is (runs == "here")
    assert ("tuntas.programs.disnaker-samarinda" in said) is (runs == "elsewhere")
    assert ("--legal-basis" in said) is (legal_basis is None)


def test_a_removal_names_what_stays(operator: OperatorSettings) -> None:
    said = "\n".join(after_removal(operator, "dinkop-samarinda", "en"))
    assert "DROP DATABASE tuntas_programs_dinkop_samarinda" in said
    assert "programs.dinkop-samarinda.env" in said
    assert "DROP DATABASE" not in "\n".join(after_removal(operator, "dinsos-kaltim", "en"))
