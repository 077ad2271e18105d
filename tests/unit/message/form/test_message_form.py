"""Every rule of a message's form, at its limit and beyond."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.message.errors import MissingVariable
from sender.message.form.form_rules import RULES, FormProblem
from sender.message.form.message_form import MessageForm, form_problems
from sender.message.template import MessageTemplate
from tests.unit.message.form.messages import (
    CARD,
    GOOD,
    POSTBACK,
    REPLY,
    URL,
    WEB,
    Message,
    buttons,
    cards,
    files,
    grid,
    images,
    replies,
    template,
    utility,
)

_AT = "message.attachment.payload"
_OPEN = {"type": "web_url", "url": URL}
_MEDIA = {"media_type": "image", "attachment_id": "1"}
_SHARABLE: list[tuple[str, Message]] = [
    ("generic", {"elements": [CARD]}),
    ("media", {"elements": [_MEDIA]}),
    ("button", {"text": "x", "buttons": [WEB]}),
]

BROKEN: list[tuple[str, str, Message]] = [
    ("whole-request", "message", {"recipient": {"id": "1"}, "messaging_type": "UPDATE", "message": {"text": "Hello"}}),
    ("whole-request", "message", {"message": {"text": "Hello"}}),
    ("whole-request", "message", {"text": "Hello", "messaging_type": "UPDATE", "tag": None}),
    ("unknown-key", "message", {"text": "Hello", "txt": "Hello"}),
    ("unknown-key", "message.attachment", {"attachment": {"type": "image", "payload": {"url": URL}, "url": URL}}),
    ("unknown-key", _AT, files("image", url=URL, reusable=True)),
    ("unknown-key", _AT, template("button", text="x", buttons=[WEB], elements=[])),
    ("unknown-key", f"{_AT}.buttons[1]", buttons(WEB, WEB | {"payload": "x"})),
    ("unknown-key", f"{_AT}.elements[0]", cards(CARD | {"imageUrl": URL})),
    ("unknown-key", "message.quick_replies[0]", replies(REPLY | {"type": "text"})),
    ("unknown-key", "message.attachments[0]", {"attachments": [images(1)["attachments"][0] | {"url": URL}]}),
    ("unknown-key", f"{_AT}.elements[0].default_action", cards({"title": "x", "default_action": _OPEN | {"x": 1}})),
    ("unknown-key", _AT, template("generic", elements=[CARD], buttons=[WEB])),
    ("unknown-key", _AT, template("media", elements=[_MEDIA], text="x")),
    ("unknown-key", f"{_AT}.elements[0]", template("media", elements=[_MEDIA | {"title": "x"}])),
    ("unknown-key", "message.template", utility(text="x")),
    ("unknown-key", "message.template.language", utility(language={"code": "en", "locale": "en"})),
    ("json-type", "message.text", {"text": 5}),
    ("json-type", "message.text", {"text": True}),
    ("json-type", "message.attachment", {"attachment": "image"}),
    ("json-type", "message.attachments", {"attachments": {}}),
    ("json-type", "message.attachments[1]", {"attachments": [*images(1)["attachments"], "image"]}),
    ("json-type", "message.quick_replies", {"text": "x", "quick_replies": "{{replies}}"}),
    ("json-type", "message.quick_replies[0].payload", replies(REPLY | {"payload": {"colour": "red"}})),
    ("json-type", f"{_AT}.buttons[0].title", buttons(POSTBACK | {"title": 7})),
    ("json-type", f"{_AT}.is_reusable", files("image", url=URL, is_reusable="yes")),
    ("json-type", f"{_AT}.is_reusable", files("image", url=URL, is_reusable=1)),
    ("json-type", f"{_AT}.buttons[0].messenger_extensions", buttons(WEB | {"messenger_extensions": "yes"})),
    *(("json-type", f"{_AT}.sharable", template(kind, **more, sharable="no")) for kind, more in _SHARABLE),
    ("json-type", f"{_AT}.elements[0].subtitle", cards(CARD | {"subtitle": 1})),
    ("json-type", f"{_AT}.attachment_id", files("image", attachment_id=1.5)),
    ("json-type", "message.template.components", utility(components={})),
    ("missing-key", "message.attachment", {"attachment": {"type": "image"}}),
    ("missing-key", "message.attachment", {"attachment": {"payload": {"url": URL}}}),
    ("missing-key", f"{_AT}.buttons[0]", buttons({"type": "postback", "payload": "x"})),
    ("missing-key", f"{_AT}.buttons[0]", buttons({"type": "web_url", "title": "x"})),
    ("missing-key", f"{_AT}.buttons[0]", buttons({"type": "phone_number", "title": "x"})),
    ("missing-key", f"{_AT}.buttons[0]", buttons({"type": "account_link"})),
    ("missing-key", f"{_AT}.elements[0].buttons[0]", cards(CARD | {"buttons": [{}]})),
    ("missing-key", f"{_AT}.elements[0].buttons[0]", template("media", elements=[_MEDIA | {"buttons": [{}]}])),
    ("missing-key", f"{_AT}.elements[0]", template("media", elements=[{"attachment_id": "1"}])),
    ("missing-key", f"{_AT}.elements[0].default_action", cards({"title": "x", "default_action": {"type": "web_url"}})),
    ("missing-key", _AT, template("button", text="x")),
    ("missing-key", _AT, template("button", buttons=[WEB])),
    ("missing-key", _AT, {"attachment": {"type": "template", "payload": {"elements": [CARD]}}}),
    ("missing-key", f"{_AT}.buttons[0]", buttons({"type": "postback", "title": "x", "payload": None})),
    ("missing-key", f"{_AT}.elements[0]", cards({"subtitle": "x"})),
    ("missing-key", _AT, template("media")),
    ("missing-key", "message.quick_replies[0]", replies({"content_type": "text", "title": "x"})),
    ("missing-key", "message.template", {"template": {"language": {"code": "en"}}}),
    ("missing-key", "message.template.language", utility(language={})),
    ("blank-text", "message.text", {"text": ""}),
    ("blank-text", "message.text", {"text": " \n\u00a0"}),
    ("blank-text", f"{_AT}.text", buttons(WEB, text=" ")),
    ("blank-text", "message.quick_replies[0].title", replies(REPLY | {"title": ""})),
    ("blank-text", f"{_AT}.attachment_id", files("image", attachment_id="")),
    ("no-content", "message", {"text": None}),
    ("no-content", "message", {"quick_replies": [REPLY]}),
    ("no-content", "message", {"metadata": "x"}),
    ("one-content", "message", {"text": "x", **files("image", url=URL)}),
    ("one-content", "message", {**images(1), **files("image", url=URL)}),
    ("one-content", "message", {"text": "x", **utility()}),
    *(
        ("url", f"{_AT}.url", files("image", url=url))
        for url in (
            *(
                "javascript:alert(1)",
                "data:image/png;base64,x",
                "ftp://example.com/",
                "example.com/a.png",
                "/a.png",
                "",
            ),
            *("https://", "https:///a.png", "https://?a", "https:///{{a}}", "https://[a/", "https://example.com/a b"),
            *(" https://example.com", "https://example.com\n", "https://{{a}}/ b", "javascript:{{a}}", "HTTP:/a.b/"),
        )
    ),
    ("url", f"{_AT}.buttons[0].url", buttons(WEB | {"url": "tel:+123"})),
    ("url", f"{_AT}.buttons[0].fallback_url", buttons(WEB | {"fallback_url": "a"})),
    ("url", f"{_AT}.elements[0].default_action.url", cards({"title": "x", "default_action": _OPEN | {"url": "a"}})),
    ("url", "message.quick_replies[0].image_url", replies(REPLY | {"image_url": "a.png"})),
    ("url", f"{_AT}.elements[0].image_url", cards(CARD | {"image_url": "a.png"})),
    ("attachment-type", "message.attachment.type", files("photo", url=URL)),
    ("attachment-source", _AT, files("image")),
    ("attachment-source", _AT, files("image", url=URL, attachment_id="1")),
    ("attachment-source", "message.attachments[0].payload", {"attachments": [{"type": "image", "payload": {}}]}),
    ("attachment-source", f"{_AT}.elements[0]", template("media", elements=[{"media_type": "image"}])),
    ("attachments-images", "message.attachments[0].type", {"attachments": [files("video", url=URL)["attachment"]]}),
    ("template-type", f"{_AT}.template_type", template("carousel", elements=[CARD])),
    ("template-gone", f"{_AT}.template_type", template("list", elements=[CARD])),
    ("template-gone", f"{_AT}.template_type", template("open_graph", elements=[{"url": URL}])),
    ("element-count", f"{_AT}.elements", template("media", elements=[{"media_type": "image", "url": URL}] * 2)),
    ("element-count", f"{_AT}.elements", template("product", elements=[{"id": "1"}] * 11)),
    ("element-bare", f"{_AT}.elements[0]", cards({"title": "x", "subtitle": None})),
    ("default-action", f"{_AT}.elements[0].default_action", cards({"title": "x", "default_action": WEB})),
    (
        "default-action",
        f"{_AT}.elements[0].default_action.type",
        cards({"title": "x", "default_action": {"type": "postback"}}),
    ),
    ("media-type", f"{_AT}.elements[0].media_type", template("media", elements=[{"media_type": "audio", "url": URL}])),
    ("button-type", f"{_AT}.buttons[0].type", buttons({"type": "url", "url": URL, "title": "x"})),
    *(
        ("phone-number", f"{_AT}.buttons[0].payload", buttons({"type": "phone_number", "title": "x", "payload": phone}))
        for phone in ("16505551234", "+1 650 555", "+1", "0170{{rest}}x")
    ),
    ("quick-reply-type", "message.quick_replies[0].content_type", replies({"content_type": "location"})),
]

LIMITS: list[tuple[str, Any, int, int]] = [
    ("text-length", lambda n: {"text": "ộ" * n}, 1, 2000),
    ("attachment-count", images, 1, 30),
    ("element-count", lambda n: cards(*[CARD] * n), 1, 10),
    ("element-title", lambda n: cards(CARD | {"title": "x" * n}), 1, 80),
    ("element-subtitle", lambda n: cards(CARD | {"subtitle": "x" * n}), 0, 80),
    ("image-grid", grid, 2, 6),
    ("button-text", lambda n: buttons(WEB, text="x" * n), 1, 640),
    ("button-count", lambda n: buttons(*[WEB] * n), 1, 3),
    ("button-count", lambda n: cards(CARD | {"buttons": [WEB] * n}), 0, 3),
    ("button-title", lambda n: buttons(WEB | {"title": "x" * n}), 1, 20),
    ("payload-length", lambda n: buttons(POSTBACK | {"payload": "x" * n}), 0, 1000),
    ("payload-length", lambda n: replies(REPLY | {"payload": "x" * n}), 0, 1000),
    ("quick-reply-count", lambda n: replies(*[REPLY] * n), 1, 13),
    ("quick-reply-title", lambda n: replies(REPLY | {"title": "x" * n}), 1, 20),
]


def rules_of(message: Message, off: tuple[str, ...] = ()) -> list[str]:
    return [problem.rule for problem in form_problems(message, off)]


@pytest.mark.parametrize("name", GOOD)
def test_what_people_send_passes(name: str) -> None:
    assert form_problems(GOOD[name]) == []


@pytest.mark.parametrize(("rule", "position", "message"), BROKEN)
def test_a_broken_rule_is_named_with_its_place_and_can_be_switched_off(
    rule: str, position: str, message: Message
) -> None:
    [problem] = form_problems(message)
    assert (problem.rule, problem.position) == (rule, position)
    assert str(problem) == f"{position}: {problem.text} (rule {rule})"
    assert form_problems(message, [rule]) == []


@pytest.mark.parametrize(("rule", "make", "least", "most"), LIMITS)
def test_a_limit_is_kept_at_both_ends(rule: str, make: Any, least: int, most: int) -> None:
    assert form_problems(make(least)) == form_problems(make(most)) == []
    assert rules_of(make(most + 1)) == [rule]
    assert rules_of(make(most + 1), (rule,)) == []
    if least and make(least - 1):
        assert rules_of(make(least - 1)) in ([rule], ["blank-text"])


def test_every_rule_has_a_message_that_breaks_it() -> None:
    assert {rule for rule, *_ in BROKEN} | {rule for rule, *_ in LIMITS} == set(RULES)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("x" * 2000 + "{{name}}{{more|" + "y" * 500 + "}}", []),
        ("{{name}}" + "x" * 1000 + "{{name}}" + "x" * 1001, ["text-length"]),
        ("{{name}}", []),
        ("{{name|}}", []),
        ("}}" * 1001, ["text-length"]),
    ],
)
def test_only_what_stands_around_placeholders_counts(text: str, broken: list[str]) -> None:
    assert rules_of({"text": text}) == broken


def test_all_problems_are_told_at_once_in_the_order_of_the_parts() -> None:
    message = {"txt": "a", **buttons(WEB | {"title": "x" * 36}, {"type": "postbak"}, {}, WEB, text="x" * 641)}
    told = [(problem.rule, problem.position.removeprefix(_AT)) for problem in form_problems(message)]
    assert told == [
        ("unknown-key", "message"),
        ("button-text", ".text"),
        ("button-count", ".buttons"),
        ("button-title", ".buttons[0].title"),
        ("button-type", ".buttons[1].type"),
        ("missing-key", ".buttons[2]"),
    ]


def test_the_message_within_a_whole_request_is_looked_at_too() -> None:
    assert rules_of({"recipient": {}, "message": {"txt": "a"}}) == ["whole-request", "unknown-key", "no-content"]
    assert rules_of({"recipient": {}, "messaging_type": "UPDATE"}) == ["whole-request", "no-content"]


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ({"txt": "a"}, 'unknown key "txt" (did you mean "text"?)'),
        ({"Text": "a"}, 'unknown key "Text" (did you mean "text"?)'),
        ({"text": "a", "quickReplies": []}, 'unknown key "quickReplies" (did you mean "quick_replies"?)'),
        ({"text": "a", "colour": 1}, 'unknown key "colour": known here are attachment, '),
        (files("images", url=URL), '"images" is unknown (did you mean "image"?): write image, audio'),
        (template("buttons"), '"buttons" is unknown (did you mean "button"?)'),
        (buttons({"type": "POSTBACK"}), 'did you mean "postback"?'),
        ({"text": "a", **{f"k{n}": n for n in range(9)}}, '"k4" and 4 more'),
        ({"text": "a", "\0\x1b[31m": 1}, 'unknown key "\ufffd\ufffd[31m":'),
        (files("\0\ud800", url=URL), '"\ufffd\ufffd" is unknown'),
        ({"text": "a", "k" * 999: 1}, f'unknown key "{"k" * 40}…":'),
    ],
)
def test_what_was_perhaps_meant_is_told(message: Message, meant: str) -> None:
    assert meant in str(form_problems(message)[0])


def test_no_address_and_no_token_is_repeated() -> None:
    message = {"message": files("image", url="sftp://x:S3cret@h"), "access_token": "EAAS3cret", "text": 5}
    assert "S3cret" not in " ".join(map(str, form_problems(message)))


def _pieces(value: Any) -> Iterator[str]:
    """Yield keys and texts of good messages: what a random message needs to get anywhere."""
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _pieces(inner)
    elif isinstance(value, str):
        yield value


_WORDS = st.sampled_from(sorted({*_pieces(GOOD), "message", "recipient", "list"})) | st.text(max_size=9)
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | _WORDS
_JSON = st.recursive(
    _LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_WORDS, inner, max_size=6), max_leaves=40
)


def _spoilt(value: Any, place: int, junk: Any) -> Any:
    """Return the value with one of its members, or one within them, replaced."""
    if not isinstance(value, dict | list) or not value:
        return junk
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    copy: Any = value.copy()
    key = keys[place % len(keys)]
    copy[key] = _spoilt(value[key], place // len(keys), junk) if place >= len(keys) else junk
    return copy


def _judged_well(message: Message) -> None:
    for problem in form_problems(message):
        assert isinstance(problem, FormProblem)
        assert problem.rule in RULES
        assert re.fullmatch(r"message(\.[a-z_]+(\[\d+\])?)*", problem.position)
        assert problem.text
    assert form_problems(message, RULES) == []


@given(st.dictionaries(_WORDS, _JSON, max_size=6))
def test_any_json_object_is_judged_with_known_rules_and_places(message: Message) -> None:
    _judged_well(message)


@given(st.sampled_from(sorted(GOOD)), st.integers(0, 5000), _JSON)
def test_a_good_message_may_be_spoilt_anywhere(name: str, place: int, junk: Any) -> None:
    _judged_well(_spoilt(GOOD[name], place, junk))


def _filled_badly(message: Message, variables: dict[str, str], off: tuple[str, ...] = ()) -> str | None:
    return MessageForm(message, off).filled_in_badly(MessageTemplate(message).fill(variables))


@pytest.mark.parametrize(
    ("variables", "broken"),
    [
        ({}, None),
        ({"text": "x" * 641}, "message.attachment.payload.text, filled in, breaks the rule button-text"),
        ({"text": "\n"}, "message.attachment.payload.text, filled in, breaks the rule blank-text"),
        ({"title": "x" * 20}, None),
        ({"title": "x" * 21}, "message.attachment.payload.buttons[0].title, filled in, breaks the rule button-title"),
        ({"url": "javascript:x"}, "message.attachment.payload.buttons[0].url, filled in, breaks the rule url"),
        ({"kind": "postbak"}, "message.attachment.payload.buttons[1].type, filled in, breaks the rule button-type"),
        ({"phone": "1 2"}, "message.attachment.payload.buttons[2].payload, filled in, breaks the rule phone-number"),
    ],
)
def test_what_was_filled_in_is_judged_as_if_it_had_stood_there(variables: dict[str, str], broken: str | None) -> None:
    message = buttons(
        {"type": "web_url", "url": "{{url|https://example.com}}", "title": "{{title|Go}}"},
        {"type": "{{kind|postback}}", "title": "x", "payload": "x"},
        {"type": "phone_number", "title": "Call", "payload": "+{{phone|16505551234}}"},
        text="{{text|Hi}}",
    )
    assert form_problems(message) == []
    assert _filled_badly(message, variables) == broken
    if broken:
        assert _filled_badly(message, variables, (broken.rpartition(" ")[2],)) is None


def test_a_whole_request_that_is_let_through_is_judged_where_its_texts_stand() -> None:
    message = {"recipient": {"id": "1"}, "message": {"text": "{{text}}"}}
    assert _filled_badly(message, {"text": "Hi"}, ("whole-request",)) is None
    assert _filled_badly(message, {"text": ""}, ("whole-request",)) == (
        "message.message.text, filled in, breaks the rule blank-text"
    )


@given(
    st.sampled_from(sorted(GOOD)),
    st.dictionaries(st.sampled_from(["title", "picture", "shop", "kind", "s", "go"]), _WORDS),
)
def test_nobody_is_left_out_whose_message_is_good_when_it_is_filled_in(name: str, variables: dict[str, str]) -> None:
    message = GOOD[name]
    try:
        filled = MessageTemplate(message).fill(
            dict.fromkeys(["first_name", "first name", "name", "phone"], "1") | variables
        )
    except MissingVariable:
        return
    if MessageForm(message).filled_in_badly(filled):
        assert form_problems(filled)


def test_a_message_of_a_million_braces_takes_no_time_to_speak_of() -> None:
    assert form_problems({"text": "{{" * 500_000 + "}}"}) == []


def test_lists_are_not_looked_at_beyond_their_limit() -> None:
    assert len(form_problems(replies(*[7] * 100_000))) == 1 + 13
