"""What people really brought, as they bring it to the command line: each is taken, or refused with what to write.

Views of the source are in runs/test_door_of_the_source.py; a Redis login without dangerous commands in
test_redis_login.py; a mended message in runs/by_hand/test_mended_and_sent_again.py.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.unit.command_line import CommandLine

NOW = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds")
HEAD = "recipient_id,last_interaction_at,first_name"
ID = "7000000000000001"
HELLO = {"text": "Hi {{first_name|there}}"}


def submitted(
    desk: CommandLine, people: bytes | str, message: Any = HELLO, *more: str, name: str = "people.csv"
) -> Any:
    (desk.folder / name).write_bytes(people.encode() if isinstance(people, str) else people)
    text = message if isinstance(message, str) else json.dumps(message)
    desk.file("message.json", text)
    return desk("run", "submit", name, "--page", "104512345678901", "--message", "message.json", *more)


def stored(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT recipient_id, variables FROM submitted_recipients ORDER BY 1").fetchall()


def csv(*rows: str, head: str = HEAD) -> str:
    return "".join(f"{row}\n" for row in (head, *rows))


TAKEN: dict[str, tuple[bytes | str, str]] = {
    "invisible character before the id": (csv(f"\u200b{ID},{NOW},Ann"), "1 id mended"),
    "byte order mark within": (csv(f"{ID}\ufeff,{NOW},Ann"), "1 id mended"),
    "quote of a spreadsheet": (csv(f"'{ID},{NOW},Ann"), "1 id mended (quotes)"),
    "formula of a spreadsheet": (csv(f'"=""{ID}""",{NOW},Ann'), "1 id mended"),
    "semicolons": (csv(f"{ID};{NOW};Ann", head=HEAD.replace(",", ";")), "CSV with semicolons"),
    "tabs": (csv(f"{ID}\t{NOW}\tAnn", head=HEAD.replace(",", "\t")), "CSV with tabs"),
    "sep= first": (f"sep=;\r\n{csv(f'{ID};{NOW};Ann', head=HEAD.replace(',', ';'))}", "CSV with semicolons"),
    "UTF-16 with its mark": (csv(f"{ID},{NOW},Ann").encode("utf-16"), "UTF-16"),
    "UTF-8 with its mark": (b"\xef\xbb\xbf" + csv(f"{ID},{NOW},Ann").encode(), "CSV with commas"),
    "heading in capitals": (csv(f"{ID},{NOW},Ann", head="RECIPIENT_ID,Last_Interaction_At,first_name"), "recipient_id"),
    "empty columns at the end": (csv(f"{ID},{NOW},Ann,,", head=f"{HEAD},,"), "2 empty columns"),
    "empty rows at the end": (csv(f"{ID},{NOW},Ann", ",,", ",,"), "2 empty rows"),
    "line ends of Windows": (csv(f"{ID},{NOW},Ann").replace("\n", "\r\n"), "CSV with commas"),
    "a line break and joined emoji in a cell": (
        csv(f'{ID},{NOW},"Ann\n\U0001f469\u200d\U0001f467"'),
        "CSV with commas",
    ),
    "JSON lines": (json.dumps({"recipient_id": ID, "last_interaction_at": NOW}) + "\n", "NDJSON"),
}


@pytest.mark.parametrize("case", TAKEN)
def test_file_is_taken_and_it_is_said_how(desk: CommandLine, log_database_url: str, case: str) -> None:
    people, said = TAKEN[case]
    result = submitted(desk, people)
    assert result.exit_code == 0, result.output
    assert said in result.stdout.splitlines()[0]
    [(recipient_id, _)] = stored(log_database_url)
    assert recipient_id == ID


REFUSED_LINES = {
    "rounded by a spreadsheet": ("7.00000000000000E+15", "a spreadsheet has rounded it"),
    "rounded, with a decimal comma": ('"7,0E+15"', "a spreadsheet has rounded it"),
    "a number with a point": (f"{ID}.0", "line 2: recipient_id"),
    "a phone number": ("+15551230001", "is a phone number, not a PSID"),
    "an address": ("ann@example.com", "line 2: recipient_id"),
    "thousands separated": ('"7,000,000,000,000,001"', "line 2: recipient_id"),
    "a name": ("Ann", "line 2: recipient_id"),
    "digits of another script": ("\u0667\u0660\u0660\u0660", "line 2: recipient_id"),
    "empty": ("", "line 2: recipient_id"),
}


@pytest.mark.parametrize("case", REFUSED_LINES)
def test_id_that_nobody_has_is_refused_with_its_line(desk: CommandLine, log_database_url: str, case: str) -> None:
    cell, said = REFUSED_LINES[case]
    result = submitted(desk, csv(f"{cell},{NOW},Ann", f"{ID},{NOW},Bo"))
    assert (result.exit_code, said in result.stderr) == (1, True), result.output
    assert stored(log_database_url) == []


def test_column_of_ids_that_were_rounded_is_refused_as_a_whole(desk: CommandLine, log_database_url: str) -> None:
    ids = ("7000000000000000", "10212345678901200", "24012345678901200", "24012345678901300")
    result = submitted(desk, csv(*(f"{one},{NOW},Ann" for one in ids)))
    assert (result.exit_code, "end in zeros" in result.stderr) == (1, True), result.output
    assert stored(log_database_url) == []


MOMENTS = {
    "1763800000000": "number of milliseconds",
    "22.11.2026": "read in several ways",
    "2026-11-22T09:30:00": "no time zone",
}


@pytest.mark.parametrize("when", MOMENTS)
def test_moment_that_says_too_little_is_refused_with_its_line(desk: CommandLine, when: str) -> None:
    result = submitted(desk, csv(f"{ID},{when},Ann"))
    assert (result.exit_code, "line 2: last_interaction_at" in result.stderr, MOMENTS[when] in result.stderr) == (
        1,
        True,
        True,
    ), result.output


BUTTON = {"type": "web_url", "url": "https://example.com", "title": "Go"}


def template(**payload: Any) -> dict[str, Any]:
    return {"attachment": {"type": "template", "payload": payload}}


MESSAGES: dict[str, tuple[Any, str]] = {
    "a whole request": (
        {"recipient": {"id": "1"}, "messaging_type": "UPDATE", "message": {"text": "Hello"}},
        "whole-request",
    ),
    "a message within a message": ({"message": {"text": "Hello"}}, "whole-request"),
    "a misspelt key": ({"txt": "Hello"}, 'did you mean "text"?'),
    "an empty text": ({"text": ""}, "blank-text"),
    "no text": ({"text": None}, "no-content"),
    "blanks": ({"text": " \n"}, "blank-text"),
    "14 quick replies with titles of 36 characters": (
        {"text": "Hi", "quick_replies": [{"content_type": "text", "title": "x" * 36, "payload": "p"}] * 14},
        "quick-reply",
    ),
    "4 buttons under a text of 641": (
        template(template_type="button", text="x" * 641, buttons=[BUTTON] * 4),
        "button-count",
    ),
    "11 elements": (
        template(template_type="generic", elements=[{"title": "a", "subtitle": "b"}] * 11),
        "element-count",
    ),
    "a photo": ({"attachment": {"type": "photo", "payload": {"url": "https://example.com/a.png"}}}, '"photo"'),
    "2,001 characters": ({"text": "x" * 2001}, "text-length"),
    "JSON in a string": (json.dumps({"text": "Hello"}), "not a JSON object"),
    "another program's braces": ({"text": "Hi {{#if a}}"}, "message.text"),
}


@pytest.mark.parametrize("case", MESSAGES)
def test_message_that_meta_would_refuse_is_refused_at_once(desk: CommandLine, log_database_url: str, case: str) -> None:
    message, said = MESSAGES[case]
    text = json.dumps(message) if case == "JSON in a string" else message
    result = submitted(desk, csv(f"{ID},{NOW},Ann"), text)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output
    assert stored(log_database_url) == []


NAMES = {
    "{{user_first_name}} for first_name": ("first_name", "{{user_first_name}}", "write {{first_name}}"),
    "{{first_name|there}} for firstname": ("firstname", "{{first_name|there}}", "write {{firstname}}"),
    "{first_name}": ("first_name", "{first_name}", "a placeholder is written {{first_name}}"),
    "[first_name]": ("first_name", "[first_name]", "a placeholder is written {{first_name}}"),
    "a name that nobody has": ("city", "{{first_name}}", "nobody has a value for {{first_name}}"),
}


@pytest.mark.parametrize("case", NAMES)
def test_name_that_the_data_lacks_is_told_before_anybody_is_written_to(
    desk: CommandLine, log_database_url: str, case: str
) -> None:
    column, written, said = NAMES[case]
    people = csv(f"{ID},{NOW},Ann", head=f"recipient_id,last_interaction_at,{column}")
    result = submitted(desk, people, {"text": f"Hi {written}"})
    assert (result.exit_code, said in result.stderr) == (1, True), result.output
    assert stored(log_database_url) == []
    checked = desk("run", "check", "people.csv", "--page", "104512345678901", "--message", "message.json")
    assert (checked.exit_code, said in checked.stdout) == (1, True), checked.output
    assert submitted(desk, people, {"text": f"Hi {written}"}, "--anyway").exit_code == 0


FITTING = {
    "a name in Thai": ("\u0e0a\u0e37\u0e48\u0e2d", "{{\u0e0a\u0e37\u0e48\u0e2d}}"),
    "a name with a blank": ("First Name", "{{First Name}}"),
    "a nested name": ("user.first_name", "{{user.first_name}}"),
}


@pytest.mark.parametrize("case", FITTING)
def test_names_in_any_script_and_with_blanks_work_in_file_and_message(desk: CommandLine, case: str) -> None:
    column, written = FITTING[case]
    people = csv(f"{ID},{NOW},Ann", head=f"recipient_id,last_interaction_at,{column}")
    assert submitted(desk, people, {"text": f"Hi {written}"}).exit_code == 0
    found = json.loads(
        desk(*("run", "check", "people.csv", "--page", "104512345678901", "--message", "message.json", "--json")).stdout
    )
    assert [sample["message"]["text"] for sample in found["samples"]] == ["Hi Ann"]


def test_run_that_is_there_is_checked_by_its_id(desk: CommandLine) -> None:
    assert submitted(desk, csv(f"{ID},{NOW},Ann", "7002,,Bo"), HELLO, "--run-id", "mine").exit_code == 0
    result = desk("run", "check", "mine")
    assert (result.exit_code, "1 of 2 recipients would get it" in result.stdout) == (0, True), result.output
    assert "recipient_window" in result.stdout
    assert "Hi Ann" in result.stdout
    unknown = desk("run", "check", "nobody")
    assert (unknown.exit_code, "no run has the id nobody" in unknown.stderr) == (1, True)


def test_check_of_a_file_shows_the_lines_of_a_message_and_what_is_said_of_it(desk: CommandLine) -> None:
    desk.file("people.csv", csv(f"{ID},{NOW},Ann"))
    desk.file("message.json", json.dumps({"text": "Hi\nyou \x07"}))
    result = desk("run", "check", "people.csv", "--page", "104512345678901", "--message", "message.json")
    assert (result.exit_code, "would get:\nHi\nyou \N{REPLACEMENT CHARACTER}\n" in result.stdout) == (0, True)
    assert "\nNobody asks for: first_name" in result.stdout


def test_check_of_a_file_without_recipients_fails_as_its_submission(desk: CommandLine) -> None:
    desk.file("people.csv", csv())
    desk.file("message.json", json.dumps(HELLO))
    run = ("people.csv", "--page", "104512345678901", "--message", "message.json")
    checked, submission = desk("run", "check", *run), desk("run", "submit", *run)
    assert (checked.exit_code, submission.exit_code) == (1, 1)
    assert "names no recipient" in checked.stdout
    assert "names no recipient" in submission.stderr


def test_run_that_has_expired_before_it_begins_is_told(desk: CommandLine) -> None:
    refused = submitted(desk, csv(f"{ID},{NOW},Ann"), HELLO, "--expires-at", "2026-01-01T10:00:00Z")
    assert (refused.exit_code, "expires_at comes before it can begin" in refused.stderr) == (1, True), refused.output
    assert submitted(desk, csv(f"{ID},{NOW},Ann"), HELLO, "--expires-at", "2999-01-01T10:00:00Z").exit_code == 0


def test_pipe_of_recipients_is_refused_before_it_is_read(desk: CommandLine) -> None:
    os.mkfifo(desk.folder / "people.csv")
    desk.file("message.json", json.dumps(HELLO))
    result = desk("run", "submit", "people.csv", "--page", "104512345678901", "--message", "message.json")
    assert (result.exit_code, "is a pipe" in result.stderr) == (2, True), result.output


def test_submission_says_that_nobody_knows_a_token_of_the_page(desk: CommandLine) -> None:
    result = submitted(desk, csv(f"{ID},{NOW},Ann"))
    assert (result.exit_code, "page_access_token" in result.stdout) == (0, True), result.output
    with_token = submitted(desk, csv(f"{ID},{NOW},Ann"), HELLO, "--token-file", desk.file("token", "EAAtoken"))
    assert (with_token.exit_code, "page_access_token" in with_token.stdout) == (0, False), with_token.output


def test_file_without_its_page_and_message_is_told_what_goes_with_it(desk: CommandLine) -> None:
    result = desk("run", "check", desk.file("people.csv", csv(f"{ID},{NOW},Ann")))
    assert (result.exit_code, "--page and --message" in result.output) == (2, True)


ADDRESSES = {
    "brackets in a password": (
        "LOG_DATABASE_URL",
        "postgresql://newar:[S3cretPw]@db.example.com:5432/newar",
        "cannot be read as an address",
    ),
    "parameters of an ORM": (
        "SOURCE_DATABASE_URL",
        "postgresql://u:S3cretPw@pooler.example.com:6543/postgres?pgbouncer=true&connection_limit=1",
        "no pgbouncer, connection_limit, an ORM's parameter",
    ),
    "a parameter of a pooler": (
        "SOURCE_DATABASE_URL",
        "postgresql://u:S3cretPw@db.example.com:6543/postgres?sslmode=require&supa=base-pooler.x",
        "no supa",
    ),
    "another version in the Graph API's address": (
        "GRAPH_API_URL",
        "https://graph.facebook.com/v99.0",
        "GRAPH_API_URL: ends in v99.0, and GRAPH_API_VERSION is v26.0",
    ),
    "a port beyond all": ("GRAPH_API_URL", "http://graph.example.com:99999", "GRAPH_API_URL: has no host, or no port"),
    "a blank in a host": ("GRAPH_API_URL", "https://graph facebook.com", "GRAPH_API_URL: has a blank in it"),
    "a proxy without a port": (
        "HTTPS_PROXY",
        "http://p:abc",
        "HTTPS_PROXY cannot be read as an address: write http://",
    ),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_address_that_cannot_be_is_told_without_a_piece_of_its_password(
    newar: CommandLine, log_database_url: str, case: str
) -> None:
    name, value, said = ADDRESSES[case]
    newar.set(LOG_DATABASE_URL=log_database_url, GRAPH_API_VERSION="v26.0")
    newar.set(**{name: value})
    result = newar("doctor")
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert "S3cretPw" not in result.output
    assert "retPw" not in result.output


def test_env_file_in_utf16_is_named(newar: CommandLine) -> None:
    (newar.folder / ".env").write_bytes("REDIS_URL=redis://localhost\n".encode("utf-16"))
    result = newar("run", "list")
    assert (result.exit_code, ".env is UTF-16: save it as UTF-8" in result.output) == (2, True)
