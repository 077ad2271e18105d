"""The project's sessions: `nox -s demo | tests | lint | bench | soak | sbom | assets | lock`. Installs are locked."""

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True

LOCKS = {  # each with all that it needs, build backend included; the first holds the others
    "requirements-dev.lock": [
        *("--extra", "local", "--extra", "traces", "--group", "build", "--group", "test", "--group", "lint")
    ],
    "requirements-local.lock": ["--extra", "local", "--group", "build"],
    "requirements.lock": ["--group", "build"],
}


def install(session: nox.Session, lock: str = "requirements-dev.lock") -> None:
    """Install what a lock file names, nothing else and nothing changed, and the project, editable."""
    session.install("--require-hashes", "--requirement", lock)
    session.install("--no-deps", "--no-build-isolation", "--editable", ".")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job end to end: `nox -s demo -- --messages 20000`."""
    install(session, "requirements-local.lock")
    session.run("newar", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, three files at a time: they mostly wait; `nox -s tests -- tests/unit` runs a part of them."""
    install(session)
    workers = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]  # in the order that tests/conftest.py says
    session.run("python", "-m", "pytest", *workers, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, Trio mistakes and who imports whom. Warnings are errors."""
    install(session)
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("python", "-m", "tests.trio_mistakes")  # flake8-async, quicker
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure: `nox -s bench -- http`, `queue`, `claim`, `fairness`, `poll` or `send`."""
    install(session)
    session.run("newar", "bench", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Break everything for hours, and check every promise: `nox -s soak -- --hours 8 --seed 100`."""
    install(session)
    session.run("python", "-m", "tests.faults.soak", *session.posargs)


@nox.session
def sbom(session: nox.Session) -> None:
    """Write what the image's Python consists of, as SPDX 2.3: `nox -s sbom -- FILE`, else dist/newar.spdx.json."""
    install(session, "requirements.lock")
    session.run("python", "-m", "ops.deploy.sbom", *(session.posargs or ["dist/newar.spdx.json"]))


@nox.session
def assets(session: nox.Session) -> None:
    """Renew the libraries for the browser from their npm packages. Needs npm; what it brings is committed."""
    session.run("python", "-m", "ops.deploy.assets")


@nox.session
def words(session: nox.Session) -> None:
    """Bring the cockpit's catalogues up to date with its templates, and say what has no translation yet."""
    install(session)
    session.run("python", "-m", "ops.deploy.words")


@nox.session
def lock(session: nox.Session) -> None:
    """Renew the lock files from pyproject.toml."""
    session.install("uv")
    command = ["uv", "pip", "compile", "pyproject.toml", "--quiet", "--upgrade", "--universal", "--generate-hashes"]
    form = ["--no-annotate", "--no-emit-index-url", "--custom-compile-command", "nox -s lock"]
    whole, *parts = LOCKS
    session.run(*command, *form, *LOCKS[whole], "--output-file", whole)
    for part in parts:
        session.run(*command, *form, *LOCKS[part], "--constraint", whole, "--output-file", part)
