"""Proves that each service starts alone: only its own folder, `shared/`, and its own extra.

    python -m local.alone [--uv PATH] [SERVICE …]

The same cut as the Dockerfile makes: an import of another service, of `local`, or of a package that the extra does not
bring, fails here. The environments are kept under the state folder, so that a second run takes seconds.
"""

from __future__ import annotations

import argparse
import base64
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.stack.stack import state_folder

SERVICES = ("intake", "verification", "programs", "notifications")
_REPOSITORY = Path(__file__).resolve().parents[1]
_AT_ONCE = 2
_SYNC_SECONDS = 600
_PROBE_SECONDS = 60

_PROBE = """
import asyncio, sys
import httpx2
from shared.serve import find_service, make_app, read_settings

service = find_service(sys.argv[1])
web = make_app(service, read_settings(service, None))
async def alive():
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(web), base_url="http://alone") as client:
        return (await client.get("/livez")).status_code
status = asyncio.run(alive())
foreign = {name.split(".")[1] for name in sys.modules if name.startswith("services.")} - {service.name}
if status != 200 or foreign or "local" in sys.modules:
    sys.exit(f"{service.name}: /livez said {status}, and these came along: {sorted(foreign)}")
"""
# Enough to be composed; nothing of it is reached, because /livez depends on nothing.
_SETTINGS = {
    "TUNTAS_MODE": "laptop",
    "TUNTAS_AGENCY": "dinsos-samarinda",
    "TUNTAS_REGION": "64.72",
    "TUNTAS_DIRECTORY_FILE": str(_REPOSITORY / "local/agencies.yaml"),
    "TUNTAS_DATABASE_URL": "postgresql://alone:alone@127.0.0.1:1/alone",
    "TUNTAS_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "TUNTAS_KAFKA_USERNAME": "alone",
    "TUNTAS_KAFKA_PASSWORD": "alone",
    "TUNTAS_OIDC_ISSUER": "http://127.0.0.1:1",
    "TUNTAS_OIDC_JWKS_URL": "http://127.0.0.1:1/jwks",
    "TUNTAS_VAULT_KEYS": "1:" + base64.b64encode(bytes(32)).decode(),
    "TUNTAS_BLIND_INDEX_KEY": base64.b64encode(bytes(32)).decode(),
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Start each service alone under its own extra.")
    parser.add_argument("--uv", default="uv", help="the uv to use")
    parser.add_argument("services", nargs="*", default=list(SERVICES), metavar="SERVICE")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        complaints = list(pool.map(lambda service: starts_alone(service, arguments.uv), arguments.services))
    for service, complaint in zip(arguments.services, complaints, strict=True):
        print(f"{service}: {complaint or 'starts alone'}")
    return 1 if any(complaints) else 0


def starts_alone(service: str, uv: str) -> str | None:
    """What is wrong when a service is composed and asked for /livez alone, or nothing."""
    environment = state_folder() / "alone" / service
    sync = [
        *(str(Path(uv).absolute()) if os.sep in uv else uv, "sync", "--frozen", "--quiet", "--no-dev"),
        *("--no-install-project", "--extra", service, "--python", sys.executable),
    ]
    synced = _run(sync, _REPOSITORY, {"UV_PROJECT_ENVIRONMENT": str(environment)}, _SYNC_SECONDS)
    if synced is not None:
        return synced
    with tempfile.TemporaryDirectory(prefix=f"tuntas-{service}-") as folder:
        house = Path(folder)
        for part in ("shared", f"services/{service}"):
            shutil.copytree(_REPOSITORY / part, house / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(_REPOSITORY / "services/__init__.py", house / "services")
        probe = [str(environment / "bin/python"), "-c", _PROBE, service]
        return _run(probe, house, {"PYTHONPATH": str(house), "TUNTAS_STATE_DIR": folder} | _SETTINGS, _PROBE_SECONDS)


def _run(command: list[str], folder: Path, environment: dict[str, str], seconds: float) -> str | None:
    """The end of what a failing command said, or nothing."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    return None if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip() or "failed")[-1500:]


if __name__ == "__main__":
    sys.exit(main())
