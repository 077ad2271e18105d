"""From a request to its reply: checks, draws, ledger. Pure of sockets; see connection for those."""

import time
from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Final, NamedTuple

from ops.fakegraph.answer_texts import Answer, Ending, Scope, load_catalogue
from ops.fakegraph.behaviour import Behaviour, BehaviourChange, changed, read_behaviour
from ops.fakegraph.hidden_limits import LimitCounts
from ops.fakegraph.ledger import Ledger
from ops.fakegraph.mix import BATCH, MEMBER, SINGLE, ErrorMix, Latency
from ops.fakegraph.options import FakeGraphOptions
from ops.fakegraph.pages import Page, member_usage, with_usage
from ops.fakegraph.posts import Posts
from ops.fakegraph.requests import (
    Batch,
    Fields,
    Member,
    Request,
    Send,
    Target,
    read_batch,
    read_fields,
    read_send,
    read_target,
    send_of_fields,
    token_of_fields,
    token_of_header,
)

MAX_MEMBERS = 50  # facts, section 4.1
DEAD_TOKEN = "dead-"  # noqa: S105 - how a test writes a token that Meta has withdrawn
IDLE_CLOSE = "fault_close_idle_keepalive"
NOWHERE = Target("", exists=False)
HEADERS_BEGIN = '"headers":['
MEMBER_HEADERS = '{"name":"Content-Type","value":"text/javascript; charset=UTF-8"}],'


class Reply(NamedTuple):
    """What the connection writes, when, and what becomes of it afterwards."""

    data: bytes
    ending: Ending
    delay_s: float


class Posted(NamedTuple):
    """One message to be sent, as it came in."""

    target: Target
    page: Page
    token: str
    send: Send
    recipient_id: str


class Graph:
    """The Graph API without its network.

    Attributes:
        mix: The error mix; replaced at run time by the control endpoint.
        latency: The latency; likewise.
        page_limit: Messages per second and page; None for no limit.
        slow_answer_s: What the answer `slow_answer` adds.
        behaviour: How pages and people behave beyond that; changed by `behave`.
        ledger: What was accepted.
        posts: What came in.
        requests: Requests read, a batch being one.
        answers: Messages (and refused or faulty whole batches) by name of their answer.
    """

    def __init__(self, options: FakeGraphOptions, clock: Callable[[], float] = time.monotonic) -> None:
        self.random = Random(options.seed)  # noqa: S311 - a test's dice
        self.catalogue = load_catalogue()
        self.mix = ErrorMix(self.catalogue, options.errors, options.failure_rate, self.random)
        self.latency = Latency(options.latency_ms, options.latency_p99_ms, self.random)
        self.page_limit = options.page_limit
        self.slow_answer_s = options.slow_answer_ms / 1000
        self.behaviour = read_behaviour(options.behaviour, self.catalogue, clock())
        self.ledger: Final = Ledger()
        self.posts: Final = Posts()
        self.requests = 0
        self.answers: defaultdict[str, int] = defaultdict(int)
        self._clock = clock
        self._pages: dict[str, Page] = {}
        self._targets: dict[bytes, Target] = {}
        self._ok = self.catalogue["send_ok"]

    def reset(self) -> None:
        """Forget what was accepted and counted, and the answers still to come; keep the settings."""
        self.ledger.reset()
        self.posts.reset()
        self.behaviour.limits.forget()
        self.requests = 0
        self.answers.clear()
        self.mix.upcoming.clear()

    def behaved(self, change: BehaviourChange) -> Behaviour:
        """The behaviour after this change, its schedules counted from now; raises FakeGraphUsageError."""
        return changed(self.behaviour, change, self.catalogue, self._clock())

    def refusing(self) -> bool:
        """Whether an outage refuses connections now."""
        return self.behaviour.outages.refuse(self._clock())

    def limit_counts(self) -> dict[str, LimitCounts]:
        """What the hidden limits let through and refused, by page."""
        return self.behaviour.limits.counts(self._clock())

    def reply(self, request: Request) -> Reply:
        """Answer one request and record what it made happen."""
        self.requests += 1
        path, mark, query_text = request.url.partition(b"?")
        query = read_fields(query_text) if mark else {}
        target = self._target(path) if request.method == b"POST" else NOWHERE
        if not target.page_id and target.exists:
            return self._reply_to_batch(request, query)
        return self._reply_to_single(request, target, query)

    def _target(self, path: bytes) -> Target:
        target = self._targets.get(path)
        if target is None:
            target = self._targets[path] = read_target(path)
        return target

    def _page(self, page_id: str) -> Page:
        page = self._pages.get(page_id)
        if page is None:
            page = self._pages[page_id] = Page(page_id)
        return page

    def _reply_to_single(self, request: Request, target: Target, query: Fields) -> Reply:
        send = read_send(request.body, request.content_type, query)
        token = token_of_header(request.authorization) or token_of_fields(query) or send.access_token
        page = self._page(target.page_id)
        posted = Posted(target, page, token, send, send.recipient_id)
        outage = self.behaviour.outages.answer(page.page_id, self._clock())
        answer, message_id = self._carry_out(posted, outage, lambda: self._drawn(SINGLE, request.reused))
        self.answers[answer.name] += 1
        head = page.head(answer, *self._usage(page, answer))
        if answer.success:
            body = f'{{"recipient_id":"{posted.recipient_id}","message_id":"{message_id}"}}'
            return self._timed(f"{head}{len(body)}\r\n\r\n{body}", answer)
        return self._timed(f"{head}{answer.length}\r\n\r\n{answer.body}", answer)

    def _carry_out(self, posted: Posted, whole: Answer | None, draw: Callable[[], Answer | None]) -> tuple[Answer, str]:
        """Decide on one message and record it; returns its answer, `whole` if given, and its id if it went out."""
        page, person, metadata = posted.page, posted.recipient_id, posted.send.metadata
        refusal, message_id = self._refusal(posted), ""
        answer = whole or refusal
        if answer is None:
            answer = self.behaviour.fixed.of(person) or self._beyond_limit(page) or draw() or self._ok
        if refusal is None:
            message_id = self._accept(page, person, metadata, answer)
        self.posts.add(page.page_id, person, metadata, answer.name)
        return answer, message_id

    def _beyond_limit(self, page: Page) -> Answer | None:
        refused = self.behaviour.limits.refuse(page.page_id, self._clock())
        return self.catalogue["rate_613_plain"] if refused else None

    def _usage(self, page: Page, answer: Answer) -> tuple[str | None, str | None]:
        """What the usage headers of this answer say, of the page and of the app; None: its own."""
        usage = self.behaviour.usage
        if not usage or answer.scope is not Scope.MESSAGE:  # what the front end says by itself knows of no usage
            return None, None
        return usage.of_page(page.page_id, self._clock()), usage.of_app(self._clock())

    def _refusal(self, posted: Posted) -> Answer | None:
        """The answer to a message that cannot go out whatever the mix says; None when it can."""
        target, page, token, send, recipient_id = posted
        if not (target.exists and target.page_id):
            name = "api_version_unknown_2500"
        elif not token:
            name = "token_missing_2500"
        elif token.startswith(DEAD_TOKEN):
            name = "token_invalid_190"
        elif self.page_limit is not None and not page.may_send(self.page_limit, self._clock()):
            name = "rate_613_plain"
        elif send.message is None:
            name = "bad_payload_no_message_2018015"
        elif not recipient_id:
            name = "bad_recipient_id_form"
        else:
            return None
        return self.catalogue[name]

    def _drawn(self, scopes: frozenset[Scope], reused: bool) -> Answer | None:
        answer = self.mix.draw(scopes)
        if answer is not None and answer.name == IDLE_CLOSE and not reused:
            return None  # a connection that has served nothing yet was not idle
        return answer

    def _accept(self, page: Page, recipient_id: str, metadata: str, answer: Answer) -> str:
        """Record the message if it went out; returns its id, or an empty text."""
        if answer.acceptance < 1.0 and self.random.random() >= answer.acceptance:
            return ""
        return self.ledger.accept(page.page_id, recipient_id, metadata, answer.name)

    def _timed(self, text: str, answer: Answer) -> Reply:
        if answer.name == IDLE_CLOSE:  # races with the request, so it does not wait
            return Reply(b"", Ending.CLOSE, 0.0)
        delay_s = self.latency.draw_s() + (self.slow_answer_s if answer.slow else 0.0)
        ending = answer.ending
        if ending is Ending.KEEP and self.refusing():
            ending = Ending.CLOSE  # who came in before connections were refused is served, but does not stay
        return Reply(text.encode() if answer.head else b"", ending, delay_s)

    def _reply_to_batch(self, request: Request, query: Fields) -> Reply:
        batch = read_batch(request.body, request.content_type, query)
        token = token_of_header(request.authorization) or token_of_fields(query) or batch.access_token
        refusal, outage = self._batch_refusal(token, batch), self._outage_of_batch(batch)
        whole = outage or refusal or self._drawn(BATCH, request.reused)
        if whole is not None:
            self.answers[whole.name] += 1
            if refusal is not None or whole.scope is Scope.BATCH:  # nobody was sent anything
                return self._timed(whole.full_text(), whole)
        override = None if whole is None or whole.success else whole
        texts = [self._member(member, token, override, batch.with_headers) for member in batch.members]
        if override is not None:
            return self._timed(override.full_text(), override)
        body = f"[{','.join(texts)}]"
        usage = self.behaviour.usage
        head = self.catalogue["batch_all_ok"].head
        head = with_usage(head, None, usage.of_app(self._clock())) if usage else head
        return self._timed(f"{head}{len(body.encode())}\r\n\r\n{body}", whole or self._ok)

    def _outage_of_batch(self, batch: Batch) -> Answer | None:
        """What a batch is answered as a whole; a sender's batches are of one page, so the first member tells."""
        path = batch.members[0].relative_url.encode().partition(b"?")[0] if batch.members else b""
        answer = self.behaviour.outages.answer(self._target(path).page_id, self._clock())
        return answer if answer is not None and answer.scope is Scope.WHOLE else None

    def _batch_refusal(self, token: str, batch: Batch) -> Answer | None:
        """The answer to a batch of which nobody was sent anything; None when it is carried out."""
        if not token:
            name = "token_missing_2500"
        elif token.startswith(DEAD_TOKEN):
            name = "batch_rejected_whole_top_level_token"
        elif not batch.readable:
            name = "bad_payload_no_message_2018015"
        elif len(batch.members) > MAX_MEMBERS:
            name = "batch_rejected_too_many"
        else:
            return None
        return self.catalogue[name]

    def _member(self, member: Member, outer_token: str, override: Answer | None, with_headers: bool) -> str:
        """Carry out one member; returns its JSON text, which nobody reads when an `override` is answered."""
        path, mark, query_text = member.relative_url.encode().partition(b"?")
        fields = read_fields(query_text) if mark else {}
        send = send_of_fields(fields | read_fields(member.body.encode()))
        target = self._target(path) if member.method == "POST" else NOWHERE
        page = self._page(target.page_id)
        posted = Posted(target, page, send.access_token or outer_token, send, send.recipient_id)
        outage = override or self.behaviour.outages.answer(page.page_id, self._clock())
        answer, message_id = self._carry_out(posted, outage, lambda: self.mix.draw(MEMBER))
        if answer is not override:  # an override is counted once, by the batch
            self.answers[answer.name] += 1
        usage = member_usage(*self._usage(page, answer)) if with_headers else ""
        if answer.success:
            return _member_success(posted.recipient_id, message_id, usage, with_headers)
        if not with_headers:
            return answer.bare_member
        return answer.member.replace(HEADERS_BEGIN, HEADERS_BEGIN + usage, 1) if usage else answer.member


def _member_success(recipient_id: str, message_id: str, usage: str, headers: bool) -> str:
    body = f'{{\\"recipient_id\\":\\"{recipient_id}\\",\\"message_id\\":\\"{message_id}\\"}}'
    told = f"{HEADERS_BEGIN}{usage}{MEMBER_HEADERS}" if headers else ""
    return f'{{"code":200,{told}"body":"{body}"}}'
