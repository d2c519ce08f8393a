"""One PostgreSQL role and one database per deployment, closed to every other role."""

import base64
import hashlib
import hmac
import secrets

import asyncpg

from shared.directory import DeploymentId
from shared.provisioning.cluster import ProvisioningError

_IDENTIFIER_BYTES_MAX = 63
_ITERATIONS = 4096


def database_of(root: str, deployment: DeploymentId) -> str:
    """The name of a deployment's database and of the role that owns it."""
    name = f"{root}_{deployment.service}_{deployment.agency}".replace("-", "_")
    if len(name) > _IDENTIFIER_BYTES_MAX:
        raise ProvisioningError(f"{name} is longer than PostgreSQL takes ({_IDENTIFIER_BYTES_MAX}): shorten the code")
    return name


async def ensure_database(admin_dsn: str, name: str, password: str) -> list[str]:
    """Role and database, open to that role alone; says what it changed."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        return [*await _ensure_role(connection, name, password), *await _ensure_database(connection, name)]
    finally:
        await connection.close()


async def close_database(admin_dsn: str, name: str) -> list[str]:
    """The role can no longer sign in and its sessions end; the database stays as it is."""
    connection = await asyncpg.connect(admin_dsn)
    try:
        if not await connection.fetchval("select rolcanlogin from pg_roles where rolname = $1", name):
            return []
        await connection.execute(f'alter role "{name}" nologin')
        await connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", name)
        return [f"role {name} may no longer sign in"]
    finally:
        await connection.close()


async def _ensure_role(connection: asyncpg.Connection, name: str, password: str) -> list[str]:
    known = await connection.fetchrow("select rolpassword, rolcanlogin from pg_authid where rolname = $1", name)
    # Only the verifier is sent: no statement log ever holds the password.
    if known is None:
        await connection.execute(f"create role \"{name}\" login password '{verifier(password)}'")
        return [f"role {name} made"]
    if known["rolcanlogin"] and _verifies(known["rolpassword"], password):
        return []
    await connection.execute(f"alter role \"{name}\" login password '{verifier(password)}'")
    return [f"role {name}: password renewed"]


async def _ensure_database(connection: asyncpg.Connection, name: str) -> list[str]:
    changed = []
    if not await connection.fetchval("select true from pg_database where datname = $1", name):
        await connection.execute(f'create database "{name}" owner "{name}"')
        changed.append(f"database {name} made")
    if await connection.fetchval("select has_database_privilege('public', $1, 'connect')", name):
        await connection.execute(f'revoke all on database "{name}" from public')
        changed.append(f"database {name} closed to other roles")
    return changed


def verifier(password: str, salt: bytes | None = None, iterations: int = _ITERATIONS) -> str:
    """What PostgreSQL keeps of a password (SCRAM-SHA-256, RFC 5802)."""
    salt = salt or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def _verifies(kept: str | None, password: str) -> bool:
    if kept is None or not kept.startswith("SCRAM-SHA-256$"):
        return False
    iterations, _, salt = kept.split("$")[1].partition(":")
    return hmac.compare_digest(kept, verifier(password, base64.b64decode(salt), int(iterations)))
