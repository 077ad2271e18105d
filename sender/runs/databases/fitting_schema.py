"""Whether the log database has the schema that this program needs: asked before anything is done there."""

from __future__ import annotations

import psycopg
import trio
from pydantic import SecretStr

from schema.migrate import AnothersTables, MigrationChanged, MigrationsPending, SchemaNewer, require_current
from schema.runtime.asyncio_door import aio
from schema.runtime.database_refusals import without_rows
from schema.runtime.outage import Outage
from sender.runs.databases.database import CONNECT_TIMEOUT_S, with_reason
from sender.runs.databases.errors import DatabaseAway, QueryRefused


class FittingSchema:
    """Asks until it fits once: what is migrated under a running program is for whoever migrates to know."""

    def __init__(self, url: SecretStr, outage: Outage) -> None:
        self._url = url
        self._outage = outage
        self._fits = False

    async def demand(self) -> None:
        """Go on when it fits.

        Raises:
            DatabaseAway: it cannot be reached.
            QueryRefused: it is older or newer than this program, or another's; says what to do.
        """
        if self._fits:
            return
        try:
            with trio.fail_after(CONNECT_TIMEOUT_S):
                await aio(require_current, self._url.get_secret_value())
        except (AnothersTables, MigrationChanged, MigrationsPending, SchemaNewer) as exc:
            self._outage.recovered(trio.current_time())
            raise QueryRefused(self._outage.part, str(exc)) from exc
        except (psycopg.Error, OSError, trio.TooSlowError) as exc:
            away = with_reason(exc, CONNECT_TIMEOUT_S)
            wait_s = self._outage.failed(away, trio.current_time())
            raise DatabaseAway(self._outage.part, wait_s, self._outage.refusal or without_rows(away)) from exc
        self._fits = True
