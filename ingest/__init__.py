"""The log path: events from the topic into daily Postgres partitions."""

import trio_asyncio  # noqa: F401 - must replace asyncio's get_running_loop before psycopg takes hold of it
