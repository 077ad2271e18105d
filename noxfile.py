"""The project's errands: `nox -s demo | tests | lint | bench`. Versions come from requirements.lock."""

from pathlib import Path

import nox

nox.needs_version = ">=2025.5.1"
nox.options.sessions = ["lint", "tests"]
nox.options.reuse_existing_virtualenvs = True

PACKAGES = [str(f) for folder in ("schema", "sender", "ingest", "ops", "tests") for f in Path(folder).rglob("*.py")]
TRIO_RULES = [
    # 127: httpx's own pool is not used on the hot path (ops/decisions/0001). 124: Quart runs sync views in threads.
    # 110: what is polled for is in another process. 9xx, 400: demand checkpoints everywhere, and are off by default.
    "--disable=ASYNC110,ASYNC124,ASYNC127,ASYNC400,ASYNC900,ASYNC910,ASYNC911,ASYNC912,ASYNC913",
    "--startable-in-context-manager=serve,serve_all,run,keep,take_over,drain,look,retire_idle,listen,publish_snapshots,_cancel_at_ctrl_c",
]
LOCK = Path(__file__).with_name("requirements.lock")


def install(session: nox.Session, *extras: str) -> None:
    """Install the project, editable, in the versions of the lock file."""
    session.install("--constraint", str(LOCK), "--editable", f".[{','.join(extras)}]")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job end to end: `nox -s demo -- --messages 20000`."""
    install(session, "local")
    session.run("newar", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, three files at a time: they mostly wait; `nox -s tests -- tests/unit` runs a part of them."""
    install(session, "local", "test")
    session.run("python", "-m", "pytest", "-n", "3", "--dist", "loadfile", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, types, Trio mistakes and who imports whom. Warnings are errors."""
    install(session, "local", "test", "lint")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("flake8-async", *TRIO_RULES, *PACKAGES)
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure: `nox -s bench -- http`, `queue` or `send`."""
    install(session, "local", "test")
    session.run("newar", "bench", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Break things at random for hours, and check every promise: `nox -s soak -- --hours 8 --seed 100`."""
    install(session, "local", "test")
    session.run("python", "-m", "pytest", "tests/faults/test_queue_model.py", env={"NEWAR_ALL_TWINS": "1"})
    session.run("python", "-m", "tests.faults.soak", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Renew requirements.lock from pyproject.toml."""
    session.install("uv")
    extras = ["--extra", "local", "--extra", "test", "--extra", "lint"]
    command = ["uv", "pip", "compile", "pyproject.toml", *extras, "--universal", "--no-emit-index-url", "--no-annotate"]
    session.run(*command, "--upgrade", "--output-file", str(LOCK), "--custom-compile-command", "nox -s lock")
