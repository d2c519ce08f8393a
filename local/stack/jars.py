"""The jars of Apache Kafka: exactly those of `kafka-jars.lock`, from Maven Central once, from the folder afterwards.

python -m local.stack.jars            # fetch what is missing and say where it is
python -m local.stack.jars --resolve  # write the lock anew from KAFKA below, after changing the version
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from local.stack.processes import StackError, held

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1+org.slf4j:slf4j-simple:2.0.17"
LOCK = Path(__file__).with_name("kafka-jars.lock")
_TIMEOUT_SECONDS = 20
_AT_ONCE = 6


class Jar(NamedTuple):
    """One line of the lock."""

    group: str
    artifact: str
    version: str
    sha256: str

    def path(self, folder: Path) -> Path:
        """Where a Maven repository keeps it."""
        place = folder.joinpath(*self.group.split("."), self.artifact, self.version)
        return place / f"{self.artifact}-{self.version}.jar"

    def is_whole(self, folder: Path) -> bool:
        """Whether the file is there with the locked content; half a download is not."""
        path = self.path(folder)
        return path.is_file() and sha256_of(path) == self.sha256


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def locked_jars(lock: Path = LOCK) -> list[Jar]:
    """The committed list, in the order of the class path."""
    jars = []
    for line in lock.read_text().splitlines():
        if line and not line.startswith("#"):
            sha256, coordinates = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def class_path(
    folder: Path, repository: str | None = None, say: Callable[[str], None] = print, lock: Path = LOCK
) -> str:
    """The class path of the locked Kafka under `folder`, fetching what is missing; every file is checked each time."""
    jars = locked_jars(lock)
    with held(folder / ".lock"):
        missing = [jar for jar in jars if not jar.is_whole(folder)]
        if missing:
            say(f"Fetching {len(missing)} jars of Apache Kafka (once).")
            _fetch(missing, folder, repository or os.environ.get("TUNTAS_MAVEN", ""), lock)
    return os.pathsep.join(str(jar.path(folder)) for jar in jars)


def _fetch(jars: Sequence[Jar], folder: Path, repository: str, lock: Path) -> None:
    """Fetch into a folder aside, check, and only then move into place: a crash leaves nothing that looks finished.

    Without a `repository` it is Maven Central.
    """
    shown = repository or "Maven Central"
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
        context = _maven(Path(part), repository)

        def fetch(jar: Jar) -> None:
            source = Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
            if sha256_of(source) != jar.sha256:
                raise StackError(f"{source.name} from {shown} is not the file that {lock.name} names.")
            target = jar.path(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)

        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(fetch, jars))
        except StackError:
            raise
        except (OSError, RuntimeError) as error:  # requests raises OSErrors; jgo says "not found" by RuntimeError
            raise StackError(
                f"The jars of Apache Kafka cannot be fetched from {shown} ({type(error).__name__}): "
                "let this machine reach Maven Central once, or name a running broker in TUNTAS_KAFKA, "
                "or use `docker compose up`."
            ) from error


def _maven(folder: Path, repository: str) -> Any:
    from jgo.maven import MavenContext  # slow, and only a first start needs it

    remotes = {"central": repository} if repository else None
    return MavenContext(repo_cache=folder, local_repos=[], remote_repos=remotes, timeout=_TIMEOUT_SECONDS)


def resolve() -> list[Jar]:
    """Resolve KAFKA with its dependencies anew."""
    import jgo

    artifacts = {(a.groupId, a.artifactId, a.version): a.resolve() for a in jgo.resolve(KAFKA)}
    return sorted(Jar(*name, sha256_of(Path(path))) for name, path in artifacts.items())


def main(arguments: Sequence[str]) -> None:
    from local.stack.stack import jars_folder  # that module imports this one

    if "--resolve" in arguments:
        lines = [f"{jar.sha256}  {jar.group}:{jar.artifact}:{jar.version}" for jar in resolve()]
        head = f"# {KAFKA}\n# Written by `python -m local.stack.jars --resolve`.\n"
        LOCK.write_text(head + "\n".join(lines) + "\n")
    print(class_path(jars_folder()).replace(os.pathsep, "\n"))


if __name__ == "__main__":
    main(sys.argv[1:])
