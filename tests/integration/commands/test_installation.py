"""`newar migrate`, `newar partitions` and `newar doctor`: an installation set up and looked over."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg
import redis
from pydantic import SecretStr

from schema.keys import key
from sender.sealed_tokens import TokenBox
from tests.integration.commands.conftest import KEY
from tests.integration.commands.runs import TOKEN
from tests.integration.commands.servers import sql
from tests.integration.runs.world import SAMPLES
from tests.unit.command_line import CommandLine


def test_migrate_and_partitions(newar: CommandLine, postgres_url: str) -> None:
    newar.set(LOG_DATABASE_URL=postgres_url, LOG_PARTITIONS_AHEAD="2")
    early = newar("run", "list")
    assert (early.exit_code, "newar migrate" in early.stderr) == (1, True)
    assert "0001_message_logs.sql" in json.loads(newar("migrate", "--json").stdout)["applied"]
    assert newar("migrate").stdout == "the log database is up to date\n"
    assert len(json.loads(newar("partitions", "ensure", "--json").stdout)["made"]) == 3
    assert len(newar("partitions", "ensure", "--days", "4").stdout.splitlines()) == 2
    assert len(json.loads(newar("partitions", "list", "--json").stdout)) == 5
    sql(postgres_url, "CREATE TABLE message_logs_20200101 (LIKE message_logs INCLUDING ALL)")
    sql(
        postgres_url,
        "ALTER TABLE message_logs ATTACH PARTITION message_logs_20200101"
        " FOR VALUES FROM ('2020-01-01') TO ('2020-01-02')",
    )
    newar.set(LOG_RETENTION_DAYS="3650")
    assert newar("partitions", "drop").stdout == "nothing had to be dropped\n"
    with psycopg.connect(postgres_url, application_name="report") as reader:
        reader.execute("SELECT count(*) FROM message_logs")
        held = newar("partitions", "drop", "--keep-days", "7", "--within", "0")
        assert (held.exit_code, held.stdout) == (1, "")
        assert "20200101 is no longer seen by new queries but not dropped yet: it is still read, by pid" in held.stderr
        assert f"pid {reader.info.backend_pid} (report, user newar) since " in held.stderr
        told = json.loads(newar("partitions", "drop", "--keep-days", "7", "--within", "0", "--json").stdout)
        assert (told["dropped"], told["left"][0]["held_by"][0]["application"]) == ([], "report")
        assert "message_logs_20200101 is no longer seen" in newar("partitions", "list").stderr
        assert len(json.loads(newar("partitions", "list", "--json").stdout)) == 5
        reader.rollback()
        reader.execute("LOCK TABLE message_logs")
        locked = newar("partitions", "drop", "--within", "0")
        assert (locked.exit_code, locked.stdout) == (1, "")
        assert "somebody has locked the whole log" in locked.stderr
    assert newar("partitions", "drop").stdout == "dropped message_logs_20200101\n"


def test_doctor_names_what_is_wrong_with_the_mend(newar: CommandLine, postgres_url: str) -> None:
    newar.set(LOG_DATABASE_URL=postgres_url, SOURCE_DATABASE_URL=postgres_url)
    result = newar("doctor", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert {f["part"] for f in found if f["status"] == "fail"} == {"log database", "source database", "graph api"}
    assert any(f["part"] == "log database" and f["mend"] == "newar migrate" for f in found)
    assert any("newar_runs does not exist" in f["text"] for f in found)
    assert TOKEN not in result.output


def test_doctor_of_a_good_installation_fails_nothing_and_sees_the_index(
    desk: CommandLine, log_database_url: str
) -> None:
    for name in ("tables.sql", "views.sql"):
        sql(log_database_url, (SAMPLES / name).read_text())
    desk.set(SOURCE_DATABASE_URL=log_database_url)

    def index() -> str:
        found = json.loads(desk("doctor", "--json").stdout)
        assert {f["part"] for f in found if f["status"] == "fail"} == {"graph api"}
        [text] = [f["text"] for f in found if "recipients in" in f["text"]]
        return str(text)

    assert index().startswith("no index gives")
    sql(log_database_url, (SAMPLES / "index.sql").read_text())
    assert index().startswith("an index gives")


def test_doctor_counts_people_who_acted_at_an_impossible_moment(desk: CommandLine, log_database_url: str) -> None:
    for name in ("tables.sql", "views.sql"):
        sql(log_database_url, (SAMPLES / name).read_text())
    desk.set(SOURCE_DATABASE_URL=log_database_url)
    sql(
        log_database_url,
        """INSERT INTO pages VALUES ('7', 'a page', 'a token', NULL);
        INSERT INTO subscribers (page_id, psid, last_interaction_at) VALUES ('7', '1', now() + interval '1 minute'),
            ('7', '2', now() + interval '7 hours'), ('7', '3', to_timestamp(1700000000 / 1000.0)), ('7', '4', NULL);
        INSERT INTO broadcasts (page_id, message) VALUES ('7', '{}');
        INSERT INTO broadcast_recipients SELECT id, '7', psid FROM broadcasts, subscribers""",
    )
    found = json.loads(desk("doctor", "--json").stdout)
    [moments] = [f for f in found if "before 2015" in f["text"]]
    assert (moments["status"], moments["text"].split()[0]) == ("warn", "2")


def test_doctor_tries_the_key_on_the_tokens_in_the_queue(desk: CommandLine, redis_url: str) -> None:
    def about_tokens() -> list[tuple[str, str]]:
        found = json.loads(desk("doctor", "--json").stdout)
        return [(f["status"], f["text"]) for f in found if f["part"] == "page tokens"]

    assert about_tokens() == []
    with redis.Redis.from_url(redis_url) as client:
        for page, sealed_with in (("100", KEY), ("200", KEY.swapcase())):
            client.sadd(key("pages"), page)
            client.hset(key(f"page:{page}"), "token", TokenBox(SecretStr(sealed_with)).seal(TOKEN))
    ((status, text),) = about_tokens()
    assert (status, "does not open 1 of 2" in text) == ("fail", True)
    desk.set(TOKEN_ENCRYPTION_KEY=f"{KEY},{KEY.swapcase()}")
    assert about_tokens() == [("ok", "TOKEN_ENCRYPTION_KEY opens those of 2 pages")]


def test_doctor_tells_wrong_settings_and_checks_the_rest(desk: CommandLine) -> None:
    desk.set(TOKEN_ENCRYPTION_KEY="short")
    desk.file(".env", "COLOUR=red\n")
    (desk.folder / ".env").chmod(0o644)
    result = desk("doctor")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert any(line.startswith("fail  settings") and "TOKEN_ENCRYPTION_KEY" in line for line in lines)
    assert any(line.startswith("warn  settings") and "COLOUR" in line for line in lines)
    assert any(line.startswith("warn  permissions") and line.endswith("chmod 600 .env") for line in lines)
    assert any(line.startswith("ok    redis") for line in lines)
    assert "settings_ignored" not in result.stderr


def test_fakegraph_serves_until_sigterm(newar: CommandLine) -> None:
    command = [sys.executable, "-m", "ops", "fakegraph", "--port", "0", "--latency-ms", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        newar.set(GRAPH_API_URL=url)
        [graph] = [f for f in json.loads(newar("doctor", "--json").stdout) if f["part"] == "graph api"]
        process.terminate()
    assert process.returncode == 0
    assert graph["status"] == "ok"
