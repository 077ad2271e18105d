"""Fetching the broker's programs from Maven Central, once per user. Not how they are run."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
OLDEST_JAVA = 17
_FETCH_WITHIN_S = 300.0


class KafkaUnavailable(Exception):
    """This machine cannot run Kafka; the message says what is missing. `expected`: nobody promised that it can."""

    def __init__(self, why: str, *, expected: bool) -> None:
        super().__init__(why)
        self.expected = expected


def find_java() -> Path:
    """Return the `java` program.

    Raises:
        KafkaUnavailable: when there is none, or it is too old.
    """
    found = shutil.which("java")
    if found is None:
        raise KafkaUnavailable("there is no java on this machine", expected=True)
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise KafkaUnavailable(f"java {OLDEST_JAVA} or newer is needed; {found} says: {said.strip()}", expected=True)
    return Path(found)


def fetch_jars() -> Path:
    """Return the folder with the jars of `pom.xml`, fetched if need be; several processes may ask at once.

    Raises:
        KafkaUnavailable: when Maven is missing or cannot fetch them.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "newar-tests"
    folder = cache / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise KafkaUnavailable("there is no Maven (mvn) on this machine to fetch Kafka with", expected=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        command = [maven, "--quiet", "--batch-mode", "--file", str(POM), "dependency:copy-dependencies"]
        command += ["-DincludeScope=runtime", f"-DoutputDirectory={draft}/jars"]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            raise KafkaUnavailable(f"Maven took longer than {_FETCH_WITHIN_S:.0f} s", expected=False) from None
        if ended.returncode:
            raise KafkaUnavailable(f"Maven could not fetch Kafka:\n{ended.stdout[-2000:]}", expected=False)
        Path(draft, "jars").replace(folder)
