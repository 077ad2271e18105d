from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sender.graph.http.response import BadAnswer, Response, ResponseParser
from tests.unit.graph.http.answers import Answer, answers, compose, pieces

HELLO = gzip.compress(b"hello", mtime=0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


def parser(max_head_bytes: int = 64 * 1024, max_body_bytes: int = 1024 * 1024) -> ResponseParser:
    return ResponseParser(max_head_bytes, max_body_bytes)


def read(data: bytes, to: ResponseParser | None = None) -> Response | None:
    return (to or parser()).feed(data)


@given(st.data(), answers("length", "chunked"))
def test_an_answer_is_the_same_however_it_is_cut_into_pieces(data: st.DataObject, answer: Answer) -> None:
    reader = parser()
    *parts, last = data.draw(pieces(answer.wire))
    assert [reader.feed(part) for part in parts] == [None] * len(parts)
    response = reader.feed(last)
    assert response is not None
    assert (response.status_code, response.content) == (answer.status, answer.body)
    assert response.headers["facebook-api-version"] == "v26.0"
    assert response.headers["x-empty"] == ""
    assert "x-trailer" not in response.headers
    assert reader.reusable


@given(st.data(), answers("length", "chunked"))
def test_a_cut_answer_is_never_taken_for_a_whole_one(data: st.DataObject, answer: Answer) -> None:
    kept = data.draw(st.integers(0, len(answer.wire) - 1))
    reader = parser()
    for part in data.draw(pieces(answer.wire[:kept])):
        assert reader.feed(part) is None
    with pytest.raises(BadAnswer, match=r"closed w"):
        reader.end()


@given(st.data(), answers("end"))
def test_an_answer_without_length_ends_with_the_connection(data: st.DataObject, answer: Answer) -> None:
    reader = parser()
    for part in data.draw(pieces(answer.wire)):
        assert reader.feed(part) is None
    response = reader.end()
    assert (response.status_code, response.content) == (answer.status, answer.body)
    assert not reader.reusable


@given(st.lists(st.binary(min_size=1, max_size=100), max_size=20))
def test_any_bytes_bring_an_answer_or_bad_answer(chunks: list[bytes]) -> None:
    reader = parser(max_head_bytes=500, max_body_bytes=500)
    try:
        for chunk in [b"HTTP/1.1 200 OK\r\n", *chunks]:
            if reader.feed(chunk):
                return
        reader.end()
    except BadAnswer:
        pass


@given(st.data(), answers("length", "chunked"))
def test_a_flipped_byte_in_the_framing_is_never_a_crash(data: st.DataObject, answer: Answer) -> None:
    at, byte = data.draw(st.integers(0, len(answer.wire) - 1)), data.draw(st.binary(min_size=1, max_size=1))
    reader = parser()
    try:
        if reader.feed(answer.wire[:at] + byte + answer.wire[at + 1 :]) is None:
            reader.end()
    except BadAnswer:
        pass


def test_one_parser_reads_answer_after_answer() -> None:
    reader = parser()
    for number in range(3):
        reader.expect()
        body = b"answer %d" % number
        response = reader.feed(compose(200, body, b"gzip", "chunked", chunk_bytes=3, interim=1).wire)
        assert response is not None
        assert response.content == body


@pytest.mark.parametrize("behind", [OK, b"garbage", OK[:5]])
def test_bytes_behind_the_answer_make_the_connection_unusable(behind: bytes) -> None:
    reader = parser()
    response = reader.feed(OK + behind)
    assert response is not None
    assert (response.status_code, response.content, response.headers.raw) == (200, b"hi", [(b"Content-Length", b"2")])
    assert not reader.reusable


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    ],
)
def test_a_server_that_will_close_is_not_used_again(answer: bytes) -> None:
    reader = parser()
    assert read(answer, reader) is not None
    assert not reader.reusable


@pytest.mark.parametrize("status", [204, 304])
def test_statuses_without_body_end_with_their_head(status: int) -> None:
    reader = parser()
    response = reader.feed(b"HTTP/1.1 %d Empty\r\n\r\n" % status)
    assert response is not None
    assert (response.status_code, response.headers.raw, response.content) == (status, [], b"")
    assert reader.reusable


def test_an_answer_to_head_has_no_body_whatever_it_says() -> None:
    reader = parser()
    reader.expect(without_body=True)
    response = reader.feed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
    assert response is not None
    assert (response.status_code, response.headers.raw, response.content) == (200, [(b"Content-Length", b"9999")], b"")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\n\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_malformed_answers_are_refused(answer: bytes) -> None:
    with pytest.raises(BadAnswer, match="not an HTTP answer"):
        read(answer)


def test_an_answer_of_unknown_framing_is_not_complete_when_the_connection_ends() -> None:
    reader = parser()
    assert read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhalf", reader) is None
    with pytest.raises(BadAnswer, match="within the body"):
        reader.end()


@pytest.mark.parametrize(
    "bomb", [b"X" * 900, b"X: " + b"y" * 900, b"A: b\r\n" * 200, b"HTTP/1.1 100 Continue\r\n\r\n" * 40]
)
def test_a_head_over_the_limit_is_refused(bomb: bytes) -> None:
    start = b"" if bomb.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n"
    with pytest.raises(BadAnswer, match="head over 800 bytes"):
        read(start + bomb, parser(max_head_bytes=800))


def test_chunk_extensions_and_trailers_count_as_head() -> None:
    start = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(BadAnswer, match="head over"):
        read(start + b"1;" + b"x" * 900, parser(max_head_bytes=800))
    with pytest.raises(BadAnswer, match="head over"):
        read(start + b"0\r\n" + b"T: x\r\n" * 200, parser(max_head_bytes=800))


@pytest.mark.parametrize("framing", ["length", "chunked", "end"])
def test_a_body_over_the_limit_is_refused(framing: str) -> None:
    reader = parser(max_body_bytes=100)
    with pytest.raises(BadAnswer, match="body over 100 bytes"):
        read(compose(200, b"x" * 101, None, framing).wire, reader)
    assert read(compose(200, b"x" * 100).wire, parser(max_body_bytes=100)) is not None


def test_a_body_that_inflates_over_the_limit_is_refused() -> None:
    with pytest.raises(BadAnswer, match="decoded body over 1000 bytes"):
        read(compose(200, bytes(1001), b"gzip").wire, parser(max_body_bytes=1000))
    whole = read(compose(200, bytes(1000), b"gzip").wire, parser(max_body_bytes=1000))
    assert whole is not None
    assert whole.content == bytes(1000)


@pytest.mark.parametrize("body", [HELLO[:-1], HELLO + b"!", b"plain", b"\x1f\x8b"])
def test_a_compressed_body_must_be_whole(body: bytes) -> None:
    with pytest.raises(BadAnswer, match=r"body cannot be decoded|cut or has bytes behind"):
        read(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
