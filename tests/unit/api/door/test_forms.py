"""Taking a form apart as it comes: never an exception, and nothing lost, however it is cut."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from ops.api.door.problems import BadParameter
from ops.api.door.uploads import _Form

BOUNDARY = b"b0undary"
TEXTS = st.binary(max_size=300).filter(lambda content: BOUNDARY not in content)


def encoded(fields: dict[str, bytes], content: bytes, boundary: bytes = BOUNDARY) -> bytes:
    parts = [(f'name="{name}"', value) for name, value in fields.items()]
    parts.append(('name="recipients"; filename="people.csv"', content))
    body = b"".join(
        b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary, head.encode(), value)
        for head, value in parts
    )
    return body + b"--%s--\r\n" % boundary


def read(pieces: list[bytes], boundary: bytes = BOUNDARY) -> tuple[dict[str, bytes], bytes, bytes]:
    form = _Form("recipients", boundary)
    content = b"".join(form.read(piece) for piece in pieces)
    form.end()
    return form.fields, content, form.digest()


def cut(body: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(body) + 1) for place in places} | {len(body)})
    return [body[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


@given(run=TEXTS, content=TEXTS, places=st.lists(st.integers(0, 10_000), max_size=20))
@example(run=b"\0\0\0", content=b"\0\0\0", places=[2048])
def test_nothing_is_lost_however_a_form_is_cut(run: bytes, content: bytes, places: list[int]) -> None:
    whole = read([encoded({"run": run}, content)])
    assert whole[:2] == ({"run": run}, content)
    assert read(cut(encoded({"run": run}, content), places)) == whole


@given(run=TEXTS, content=TEXTS, other=TEXTS)
def test_what_is_in_a_form_counts_and_not_how_it_was_packed(run: bytes, content: bytes, other: bytes) -> None:
    one = read([encoded({"run": run}, content)])[2]
    assert read([encoded({"run": run}, content, b"another-one")], b"another-one")[2] == one
    assert (read([encoded({"run": run}, other)])[2] == one) == (other == content)
    assert (read([encoded({"run": other}, content)])[2] == one) == (other == run)


@given(st.binary(max_size=400), st.lists(st.integers(0, 10_000), max_size=5))
def test_what_is_no_form_is_a_bad_request(body: bytes, places: list[int]) -> None:
    with suppress(BadParameter):
        read(cut(body, places))
    with suppress(BadParameter):
        read(cut(b"--" + BOUNDARY + b"\r\n" + body, places))
    with suppress(BadParameter):
        read(cut(encoded({"run": b"{}"}, b"x")[: len(body)], places))
