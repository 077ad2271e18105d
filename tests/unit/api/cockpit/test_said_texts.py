"""What waits, what slows and what was not done is said in the reader's language, and in English to programs."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from quart_trio import QuartTrio

from ops.acts.not_done import ActRefused, NoSuch, NotMeant
from ops.acts.page_acts import unknown
from ops.api.cockpit.frame.class_words import ANSWERS, reasoned
from ops.api.cockpit.frame.writing import in_words, shown, why
from ops.board.page_limits import LETTERS, shipped_in_words
from ops.board.people.one_person import because, reason_of
from ops.board.runs.causes import QUEUE_UNKNOWN
from ops.board.runs.run_answers import Cause
from ops.board.suppressions import Suppression
from ops.deploy import words
from schema.text import Figure, Text
from sender.runs.by_hand.errors import UnknownRun
from tests.unit.board.runs.seen import ms
from tests.unit.board.runs.test_causes import BY_HAND, SOON, senders
from tests.unit.board.runs.test_causes import shown as run_of

PORTUGUESE = {"Accept-Language": "pt-BR"}
CALLS = frozenset(words.CALLS) - {"N_", "say"}
SAID = sorted(file for place in words.SAID for file in place.rglob("*.py"))
BREAKER = {"breaker": "open", "retry_at_ms": ms(60), "reason": "auth_page: %(n)s <b>", "breaker_rule": "page-auth"}


def in_portuguese() -> Any:
    return QuartTrio(__name__).test_request_context("/", headers=PORTUGUESE)


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ({"processes": []}, "nenhum remetente está ativo: inicie um com newar sender"),
        (
            {"processes": senders(False), "app": {"outbox": "1234"}},
            "1.234 eventos esperam pelo broker, e no máximo 100 podem esperar (OUTBOX_LIMIT): "
            "nenhuma mensagem nova é pega",
        ),
        (
            {"app": {"paused_until_ms": BY_HAND, "paused_by": "ann@desk"}},
            "tudo está em pausa por ann@desk: newar resume --all faz continuar",
        ),
        (
            {"pages": {"100": {"paused_until_ms": ms(60), "pause_rule": "page-limit", "pause_reason": "code 80006"}}},
            "a página está em pausa pela regra page-limit até {at}: code 80006",
        ),
        (
            {"pages": {"100": BREAKER}},
            "o disjuntor da página foi aberto pela regra page-auth: auth_page: %(n)s &lt;b&gt;; "
            "uma mensagem tenta de novo em {at}",
        ),
        ({"run": {"hold:operator": "1"}}, "pausado por uma pessoa: newar run resume r faz continuar"),
    ],
)
async def test_what_holds_a_run_is_said_in_the_readers_language(of: dict[str, Any], said: str) -> None:
    [cause] = run_of(**of).waiting_because
    at = f'<time datetime="{SOON.isoformat(timespec="milliseconds")}">{SOON:%Y-%m-%d %H:%M}</time>'
    async with in_portuguese():
        assert shown(cause.text("detail")) == said.format(at=at)


def test_programs_get_the_english_fields_and_nothing_besides() -> None:
    cause = Cause.of("queue_lost", QUEUE_UNKNOWN)
    assert msgspec.to_builtins(cause) == {"cause": "queue_lost", "detail": str(QUEUE_UNKNOWN), "until": None}
    assert Cause("queue_lost", "told by another program").text("detail") == "told by another program"


async def test_why_somebody_got_nothing_is_said_in_the_readers_language() -> None:
    [reason] = because([], [], all_looked_into=True)
    entry = Suppression("1", "7", "denied", SOON, None, "ann", "asked <us>", confirmed=False)
    denied = reason_of(entry)
    assert denied.detail.startswith("on the page's deny list, by ann: asked <us>; that run is braked")
    async with in_portuguese():
        assert str(shown(reason.text("detail"))).startswith("não há tentativa no registro, e nenhum dos envios")
        assert str(shown(denied.text("detail"))).startswith("na lista de bloqueio da página, por ann: asked &lt;us&gt;")


async def test_every_shipped_rule_is_said_in_portuguese() -> None:
    async with in_portuguese():
        said = [in_words(rule) for rule in shipped_in_words().values()]
    english = (" the ", " page ", "answers", "attempt", "class ", " for ", "doubling")
    assert [text for text in said if any(word in text.partition(": ")[2] for word in english)] == []


@pytest.mark.parametrize(
    ("refused", "english", "portuguese"),
    [
        (
            unknown("7"),
            "page 7 never had a run, or none since the queue was emptied: newar page list shows those that had",
            "a página 7 nunca teve um envio, ou nenhum desde que a fila foi esvaziada: newar page list mostra as que "
            "tiveram",
        ),
        (
            NotMeant("submitted", ["100 % of {{name}}", "%(n)s"]).with_hint("anyway=1"),
            "nothing was submitted, since this cannot be meant so:\n- 100 % of {{name}}\n- %(n)s\nanyway=1",
            "nada foi submetido, pois isto não pode ser o que se quer:\n- 100 % of {{name}}\n- %(n)s\nanyway=1",
        ),
        (ActRefused("a text of 100 % others"), "a text of 100 % others", "a text of 100 % others"),
        (NoSuch(""), "", ""),
        (
            UnknownRun("no run has the id %(run)s: newar run list shows those taken", run="50 %"),
            "no run has the id 50 %: newar run list shows those taken",
            "nenhum envio tem o id 50 %: newar run list mostra os iniciados",
        ),
    ],
)
async def test_why_an_act_was_not_done_is_said_in_the_readers_language(
    refused: Exception, english: str, portuguese: str
) -> None:
    assert str(refused) == english
    async with in_portuguese():
        assert why(refused) == portuguese
        assert why(ValueError("of another")) == "of another"


async def test_moments_and_numbers_of_a_text_are_written_as_the_cockpit_does() -> None:
    at = datetime(2027, 1, 15, 8, 1, tzinfo=UTC)
    text = Text("its hours open at %(at)s", at=Figure(at))
    size = Text("%(n)s MiB", n=Figure(1234.56, ",.1f"))
    assert (str(text), str(size)) == ("its hours open at 2027-01-15 08:01:00Z", "1,234.6 MiB")
    async with in_portuguese():
        assert (in_words(text), in_words(size)) == ("seu horário abre em 2027-01-15 08:01", "1.234,6 MiB")
        assert shown(text).count("<time") == 1


@given(st.text(), st.text(st.sampled_from("%()sdn<>&\u202e\0 ")))
def test_no_text_of_others_is_taken_for_a_template_or_markup(name: str, reason: str) -> None:
    text = Text("%(what)s is paused%(by)s until %(moment)s%(why)s", what=name, by=Text(reason), moment=1, why=reason)
    assert str(text) == f"{name} is paused{reason} until 1{reason}"


async def test_why_a_rule_acted_explains_its_class_and_leaves_what_graph_said() -> None:
    async with in_portuguese():
        assert reasoned("bad_payload: <b> a: b") == (
            '<abbr title="a Meta recusa a mensagem como está escrita">bad payload</abbr>: &lt;b&gt; a: b'
        )
        assert (reasoned("code 368: x"), reasoned(None)) == ("code 368: x", "\N{EN DASH}")


def test_every_answer_that_is_counted_has_words() -> None:
    assert ANSWERS.keys() == set(LETTERS.values())


def test_no_text_is_put_together_before_it_can_be_translated() -> None:
    made = [place for file in SAID for place in _put_together(file)]
    assert made == [], "write a template with places like %(run)s, and the values behind it"


def _put_together(file: Path) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call) and node.args]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in CALLS]
    made = [call for call in named if isinstance(call.args[0], ast.JoinedStr | ast.BinOp | ast.IfExp)]
    return [f"{file.name}:{call.lineno}" for call in made]
