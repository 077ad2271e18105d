"""What people read of figures, moments and other people's texts."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart_trio import QuartTrio

from ops.api.cockpit.frame import writing
from ops.api.cockpit.frame.places import inside, run_address

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain text, ação 日本", "plain text, ação 日本"),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a\u202egnp.exe", 'a<span class="hidden-char">U+202E</span>gnp.exe'),
        ("a\u200bb", 'a<span class="hidden-char">U+200B</span>b'),
        ("a\0b", 'a<span class="hidden-char">U+0000</span>b'),
        ("a\u3164b", 'a<span class="hidden-char">U+3164</span>b'),
        ("a\nb", 'a<span class="hidden-char">↵</span> b'),
        ("👩\u200d💻 ❤\ufe0f", "👩\u200d💻 ❤\ufe0f"),
        ("\u200d👩", '<span class="hidden-char">U+200D</span>👩'),
        (None, "\N{EN DASH}"),
        ("", "\N{EN DASH}"),
        (0, "0"),
    ],
)
def test_texts_of_others_are_shown_with_what_they_hide(text: object, written: str) -> None:
    assert str(writing.shown(text)) == written


@given(st.text(min_size=1))
def test_no_text_of_others_becomes_markup_or_turns_what_follows(text: str) -> None:
    read = _Read()
    read.feed(str(writing.shown(text)))
    read.close()
    assert read.tags <= {"span"}
    turning = [c for c in read.text if unicodedata.category(c) in ("Cc", "Cf") and c != "\u200d"]
    assert turning == []


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("two\nlines\r\nand 👩\u200d💻", 0), ("a\u200bb\u202e", 2), ("\r\u2028\t", 3), ("a\n\u200d👩", 1)],
)
def test_what_a_field_does_not_show_is_counted(text: str, count: int) -> None:
    assert writing.unseen(text) == count


@given(st.text(st.sampled_from("a<\n\r\t\u2028\u200b\u202e\u200d👩💻")))
def test_all_that_a_field_does_not_show_is_made_visible_beneath_it(text: str) -> None:
    assert str(writing.lines(text)).count("hidden-char") == writing.unseen(text)


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, "\N{EN DASH}"), (-3, "0 s"), (59.4, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min"), (90_000, "1 d 1 h")],
)
async def test_lengths_of_time(seconds: float | None, written: str) -> None:
    async with QuartTrio(__name__).test_request_context("/"):
        assert writing.duration(seconds) == written


async def test_figures_are_written_in_the_readers_language_and_unknown_is_not_zero() -> None:
    async with QuartTrio(__name__).test_request_context("/", headers={"Accept-Language": "pt-BR,en;q=0.5"}):
        assert writing.count(1204) == "1.204"
        assert writing.rate(3.25) == "3,2"
        assert writing.ms(12_345.0) == "12,3 s"
        assert (writing.percent(0.999), writing.percent(1.0)) == ("99 %", "100 %")
        assert {writing.count(None), writing.rate(None), writing.percent(None), writing.ms(None)} == {"\N{EN DASH}"}
        assert writing.say("Everything goes on.") == "Tudo continua."


def test_moments_are_utc_and_say_their_day_unless_it_is_today() -> None:
    earlier = datetime(2026, 11, 26, 1, 2, 3, tzinfo=timezone(timedelta(hours=-3)))
    assert str(writing.moment(earlier, NOW)).endswith(">04:02:03</time>")
    assert str(writing.moment(earlier, NOW + timedelta(days=1))).endswith(">2026-11-26 04:02</time>")


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        ("/admin", True),
        ("/admin/runs?status=sending", True),
        ("/admin/runs/a%20b", True),
        ("/admin/runs/x%2F..%2Fy", True),
        ("/admin/runs/a..b/c.", True),
        ("/admin/runs/...", True),
        ("/admin?next=/../evil", True),
        ("/admin#/../x", False),
        ("/admin/../../evil", False),
        ("/admin/..", False),
        ("/admin/./runs/../../evil?x=1", False),
        ("/admin/%2e%2e/evil", False),
        ("/admin/.%2E/evil", False),
        ("/admin/runs/%2E", False),
        ("/admin/..#/admin", False),
        ("/admin/..;/evil", True),
        ("/admin@evil.example", False),
        ("/admin:80@evil.example/", False),
        ("/admin.evil.example", False),
        ("admin", False),
        (" /admin", False),
        ("/\t/evil.example", False),
        ("/admin/\t../evil", False),
        ("/admin/.\t./evil", False),
        ("/admin/\x00", False),
        ("/admin/\N{FULLWIDTH FULL STOP}\N{FULLWIDTH FULL STOP}/evil", False),
        ("/admin/" + "a" * 3000, False),
        ("///evil.example/admin", False),
        ("/\\evil.example", False),
        ("\\\\evil.example", False),
        ("//evil.example/admin", False),
        ("https://evil.example/admin", False),
        ("/administrator", False),
        ("/admin/\\evil", False),
        ("/admin/\r\nSet-Cookie: a=b", False),
        ("javascript:alert(1)", False),
        ("", False),
    ],
)
def test_nobody_is_led_out_of_the_cockpit(address: str, is_ours: bool) -> None:
    assert (inside(address) == address) is is_ours
    assert inside(address).startswith("/admin")


@pytest.mark.parametrize(
    ("run_id", "path"),
    [
        ("spring/2026", "spring/2026"),
        ("//a//b", "//a//b"),
        ("a?b#c%2F", "a%3Fb%23c%252F"),
        ("a/../b", "a%2F..%2Fb"),
        ("./a", ".%2Fa"),
        ("a..b/c.", "a..b/c."),
    ],
)
def test_no_run_id_leads_to_another_address(run_id: str, path: str) -> None:
    assert run_address(run_id) == f"/admin/runs/{path}"
    assert run_address(run_id, "cancel") == f"/admin/act/run/cancel/{path}"
