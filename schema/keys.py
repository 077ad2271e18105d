r"""The names of everything kept in Redis: one shard, one hash tag, so that every script touches one slot.

| key | type | holds |
| --- | --- | --- |
| `epoch` | string | random, made once; a new one means that the queue was lost |
| `run:R` | hash | the run: `page`, `lane`, `spec` (JSON of schema.run.Run), `state`, `priority`, `expires_at_ms`, `cursor`, `enqueued` (0/1), `left`, `taken_at_ms`, `finished_at_ms`, `recipients`, `ended_as`, `hold:HOLDER`, and one counter per outcome |
| `jobs:R` | list | records of the run's waiting jobs |
| `runs` | zset | every run known to the queue, by the time it was taken (ms) |
| `expiries` | zset | unfinished runs by `expires_at_ms` |
| `draining` | set | runs cancelled or expired whose jobs are still being drained |
| `finished` | zset | runs finished and not yet noted in the registry, by time (ms) |
| `ended` | zset | runs that the registry has noted as finished, by that time (ms); forgotten a day later |
| `lane:L` | zset | active runs of a lane in the order of their turn; a lane is `PAGE/text` or `PAGE/media` |
| `lane:L:gcra` | hash | the clock of the lane's limit, `tat_us`, and its virtual time `vt` |
| `lane:L:pace` | hash | the same for senders of the first release that still run beside others: written, and read where it is later |
| `ready` | zset | lanes that may send now, by virtual time |
| `waiting` | zset | lanes that may not send before a moment (us) |
| `delayed` | zset | jobs that wait for a retry: `R\0record` by due time (ms) |
| `page:P` | hash | `token` (encrypted), `token_version`, `weight`, `limit_text`, `limit_media`, `time_zone`, `paused_until_ms`, `pause_reason`, breaker: `breaker` (absent: closed), `reason`, `failures`, `opened_at_ms`, `retry_at_ms` |
| `pages` | set | pages that ever had a run |
| `app` | hash | the clock of its limit and the pause of the whole app: `tat_us`, `paused_until_ms`, `pause_reason`, `failures`; and the queue's own clocks: `vclock`, `turn`, `renewed_at_us` and `lease_us` of the last renewal, `no_takeover_until_us`; `outbox`: events in all outboxes |
| `troubled` | set | pages (and `app`) with failures that count for their breaker, or an open one |
| `sessions` | zset | session tokens by lease deadline (us) |
| `held:S` | hash | job id -> `R\0record` of the jobs a session owns |
| `marks:S` | hash | job id -> `attempt\0sent_at_us` of those that may have left |
| `claim:S` | hash | to repeat answers: `send:id`, `send:jobs` of the last claim, `drain:id`, `drain:jobs` of the last drain, `settle:number`, `settle:answer` of the last settlement |
| `outbox:S` | stream | settled events not yet acknowledged: `k` page id, `v` final bytes |
| `outboxes` | set | sessions that have an outbox |
| `committed:CLUSTER` | hash | partition of that broker's topic -> next offset that the ingest has committed |
| `processes` | hash | process id -> its newest snapshot (JSON, schema.snapshot) |
| `failures` | stream | the newest failures (capped), for the dashboard: `v` final bytes of the event |
"""

SHARD = "{s0}"


def key(name: str) -> str:
    """Return the Redis key of a name in the table above, e.g. `key("jobs:42")`."""
    return f"newar:{SHARD}:{name}"
