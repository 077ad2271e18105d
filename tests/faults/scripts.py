"""The queue's scripts, called synchronously, and all that Redis holds in one look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import redis

from schema.keys import key
from sender.queue.script_loader import source

DUMP = """
local read = {hash = {'HGETALL'}, list = {'LRANGE', 0, -1}, set = {'SMEMBERS'}, stream = {'XRANGE', '-', '+'},
  zset = {'ZRANGE', 0, -1, 'WITHSCORES'}, string = {'GET'}}
local answer = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local command = read[redis.call('TYPE', key).ok]
  answer[#answer + 1] = {key, redis.call(command[1], key, unpack(command, 2))}
end
return answer
"""


class Scripts:
    """Calls the scripts by name, synchronously; `change` may break their text."""

    def __init__(self, client: redis.Redis, change: Callable[[str], str] = str) -> None:
        self.client = client
        self._change = change
        self._digests: dict[str, str] = {}

    def call(self, name: str, *args: Any) -> Any:
        if name not in self._digests:
            text = DUMP if name == "dump" else self._change(source(name))
            self._digests[name] = str(self.client.script_load(text))
        return self.client.evalsha(self._digests[name], 1, key("epoch"), *args)

    def dump(self) -> dict[str, Any]:
        prefix = len(key(""))
        return {name.decode()[prefix:]: value for name, value in self.call("dump")}


def pairs(flat: list[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
