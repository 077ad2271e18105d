"""What all jobs of a run share while they are sent: the checked run and the constant parts of its requests."""

from __future__ import annotations

from collections import OrderedDict
from urllib.parse import urlsplit, urlunsplit

import msgspec

from schema.outcomes import ErrorClass
from schema.run import Run
from sender.graph.api.request import RequestFactory, UnfitRequestPart
from sender.message.errors import BadTemplate
from sender.message.template import MessageTemplate
from sender.queue.page_queue import PageQueue
from sender.queue.session_queue import ClaimedGroup, SessionGone, SessionQueue
from sender.queue.until_answered import UntilAnswered
from sender.sealed_tokens import TokenBox, TokenUnreadable
from sender.settings import SenderSettings

_MOST = 2000
"""Contexts kept; each is a few KB."""


class RunUnsendable(Exception):
    """Nothing of this run can be sent. `page_wide`: not the run but its page is at fault, and a person can mend it."""

    def __init__(self, error_class: ErrorClass, reason: str, *, page_wide: bool = False) -> None:
        super().__init__(reason)
        self.error_class = error_class
        self.reason = reason
        self.page_wide = page_wide


class RunContext(msgspec.Struct, frozen=True):
    """A run, ready to be sent."""

    run: Run
    requests: RequestFactory
    token_version: int
    """Of the page's token that they carry."""


class RunContexts:
    """Makes and keeps contexts, the newest used ones, one for each run and version of its page's token.

    And for each session: it is lost with the queue, and another queue counts its tokens' versions anew.

    Args:
        queue: has the runs' records.
        pages: has the pages' tokens.
        until_answered: repeats a call until Redis has answered it.
        settings: where requests go, and the keys that open tokens.
    """

    def __init__(
        self, queue: SessionQueue, pages: PageQueue, until_answered: UntilAnswered, settings: SenderSettings
    ) -> None:
        self._queue = queue
        self._pages = pages
        self._until_answered = until_answered
        self._box = TokenBox(settings.token_encryption_key)
        self._settings = settings
        self._kept: OrderedDict[tuple[str, str, int], RunContext | RunUnsendable] = OrderedDict()

    async def get(self, group: ClaimedGroup) -> RunContext:
        """Return the context of a claimed group.

        Raises:
            RunUnsendable: the run's record or its page's token cannot be used.
            SessionGone: the queue does not know the run: it was lost after the claim, and the session with it.
        """
        wanted = (group.session, group.run_id, group.token_version)
        context = self._kept.get(wanted)
        if context is None:
            context = self._kept[wanted] = await self._make(group)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        self._kept.move_to_end(wanted)
        if isinstance(context, RunUnsendable):
            raise context
        return context

    async def run(self, run_id: str) -> Run | None:
        """Return a run's record; None when it is gone or cannot be decoded."""
        spec = await self._until_answered(lambda: self._queue.run_spec(run_id))
        return _decoded(spec or b"")

    async def _make(self, group: ClaimedGroup) -> RunContext | RunUnsendable:
        spec = await self._until_answered(lambda: self._queue.run_spec(group.run_id))
        if spec is None:
            raise SessionGone
        run = _decoded(spec)
        if run is None:
            return RunUnsendable(ErrorClass.CORRUPT, "the run's record in the queue cannot be decoded")
        sealed, version = await self._until_answered(lambda: self._pages.token(group.page_id))
        if not sealed:
            return RunUnsendable(ErrorClass.NO_TOKEN, "the page has no access token", page_wide=True)
        try:
            return RunContext(run, self._requests(run, self._box.open(sealed)), version)
        except (TokenUnreadable, UnfitRequestPart) as exc:
            return RunUnsendable(ErrorClass.NO_TOKEN, str(exc), page_wide=True)
        except BadTemplate as exc:
            return RunUnsendable(ErrorClass.BAD_PAYLOAD, str(exc))

    def _requests(self, run: Run, token: str) -> RequestFactory:
        settings = self._settings
        url = urlsplit(settings.graph_api_url)
        return RequestFactory(
            run,
            MessageTemplate(run.message),
            url=urlunsplit(url._replace(netloc=url.netloc.rpartition("@")[2])),
            version=settings.graph_api_version,
            token=token,
            app_secret=settings.app_secret.get_secret_value() if settings.app_secret else None,
        )


def _decoded(spec: bytes) -> Run | None:
    try:
        return msgspec.json.decode(spec, type=Run)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
