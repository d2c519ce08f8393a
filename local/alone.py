"""Proves that each service starts alone: only its own folder, `shared/`, and its own extra.

    python -m local.alone [--uv PATH] [SERVICE …]

The same cut as the Dockerfile makes: an import of another service, of `local`, or of a package that the extra does not
bring, fails here. The environments are kept under the state folder, so that a second run takes seconds.
"""

from __future__ import annotations

import argparse
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
import importlib, sys
service = sys.argv[1]
app = importlib.import_module(f"services.{service}.app")
if not callable(app.create_app) or app.SERVICE.name != service:
    sys.exit(f"services/{service}/app.py declares neither SERVICE nor create_app")
foreign = {name.split(".")[1] for name in sys.modules if name.startswith("services.")} - {service}
if foreign or "local" in sys.modules:
    sys.exit(f"{service} needs {sorted(foreign)} or local")
"""


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
    """What is wrong when `services.<service>.app` is imported alone, or nothing."""
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
        return _run(probe, house, {"PYTHONPATH": str(house)}, _PROBE_SECONDS)


def _run(command: list[str], folder: Path, environment: dict[str, str], seconds: float) -> str | None:
    """The end of what a failing command said, or nothing."""
    kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    return None if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip() or "failed")[-1500:]


if __name__ == "__main__":
    sys.exit(main())
