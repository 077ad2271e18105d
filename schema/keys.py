r"""The names of everything kept in Redis: one shard, one hash tag, so that every script touches one slot.

| key | type | holds |
| --- | --- | --- |
| `epoch` | string | random, made once; a new one means that the queue was lost |
| `run:R` | hash | the run: `page`, `lane`, `spec` (JSON of schema.run.Run), `state`, `priority`, `expires_at_ms`, `cursor`, `enqueued` (0/1), `left`, `taken_at_ms`, `finished_at_ms`, `recipients`, `kept` (of the outcomes: those it had before, in a queue that was lost), `ended_as`, `hold:HOLDER` (1, or the person), and one counter per outcome; why it is braked: `brake_rule`, `brake_reason`, `brake_at_ms`; `answers` (as of a page, but of first attempts) and `payload_error`, the last one; `windows` (MessagePack: zone, "" the page's, -> opening and closing moments in turn, ms; absent: no hours), `hours` (what they were made of), `hours_until_ms` (up to when they are known) and `closes:ZONE`, the end of the hours that are open now; `noted`, `noted_hour`: how many happenings that began in this hour are noted |
| `jobs:R`, `hours:R\0ZONE` | list | records of a unit's waiting jobs; a unit is a run, or its recipients of one time zone of their own |
| `zones:R`, `zoned` | set | the zones for which the run has units; runs that have some |
| `aside:R` | list | records that will not be sent, to be drained |
| `asides` | set | runs that have such a list |
| `parked` | zset | units that may not be served before a moment (ms): hours, the second of others on its page, a second clock's opinion |
| `runs` | zset | every run known to the queue, by the time it was taken (ms) |
| `expiries` | zset | unfinished runs by `expires_at_ms` |
| `draining` | set | runs cancelled or expired whose jobs are still being drained |
| `finished` | zset | runs finished and not yet noted in the registry, by time (ms) |
| `ended` | zset | runs that the registry has noted as finished, by that time (ms); forgotten a day later |
| `lane:L` | zset | active units of a lane in the order of their turn; a lane is `PAGE/text` or `PAGE/media` |
| `lane:L:pace` | hash | `tat_us` and `vt` for senders of the first release, while one runs beside others (`older_senders`) |
| `ready` | zset | lanes that may send now, by the virtual time of their page |
| `waiting` | zset | lanes that may not send before a moment (us) |
| `delayed` | zset | jobs that wait for a retry: `R\0record` by due time (ms) |
| `page:P` | hash | `token` (encrypted), `token_version`, `weight`, `limit_text`, `limit_media`, `time_zone`, `name`; `vt`, its virtual time; `clock:text`, `clock:media`, of its limits (MessagePack, see lib/gcra.lua); `last_run`, `last_at_us` of its last claim; `shared_from_us`, `shared_until_us`: `recent` is filled; `denied`: there is a deny list; and its state: see below |
| `recent:P` | zset | person (schema/job.py) -> ms of the last claim, of the last second while runs share the page |
| `denied:P` | zset | people of the page's deny list, for jobs queued before their entry: person (schema/job.py) -> its moment (ms) |
| `denying` | set | pages that have such a list |
| `pages` | set | pages that ever had a run |
| `app` | hash | `clock` of its limit (as of a page) and its state (see below); and the queue's own clocks: `vclock`, `turn`, `renewed_at_us`, when a sender last renewed or looked for the dead; `outbox`: events in all outboxes; `relay`: only written, so that a `WAIT` can follow; `older_senders`; `shift_us`, `shift_next_us`: see lib/clock.lua; `senders_gone`: it is noted that the last one has stopped |
| `waiting:shifting`, `delayed:shifting`, `parked:shifting`, `pages:shifting` | | what still has to follow a clock that was set back |
| `troubled` | set | pages (and `app`) of whose last answers some were bad, or that are paused or open because of them |
| `doubted` | set | runs of whose first attempts some were |
| `sessions` | zset | session tokens by lease deadline (us) |
| `newer_sessions` | set | those of senders that know all this |
| `held:S` | hash | job id -> `R\0record` of the jobs a session owns |
| `marks:S` | hash | job id -> `attempt\0sent_at_us` of those that may have left |
| `claim:S` | hash | to repeat answers: `send:id`, `send:jobs` of the last claim, `drain:id`, `drain:jobs` of the last drain, `settle:number`, `settle:answer` of the last settlement |
| `outbox:S` | stream | settled events not yet acknowledged: `k` page id, `v` final bytes |
| `outboxes` | set | sessions that have an outbox |
| `committed:CLUSTER:ID` | hash | partition of the topic with this id, on that broker -> next offset that the ingest has committed |
| `committed:CLUSTER` | hash | the same where the broker tells no topic ids, and for senders of the former release |
| `processes` | hash | process id -> its newest snapshot (JSON, schema.snapshot) |
| `second:T`, `second:T:parts` | hash | what senders settled in the second T (since 1970), kept for 16 minutes: a name of each process's own -> Counts, Parts (schema/seconds.py) |
| `audit` | stream | acts of people that are not in the log database yet (capped): `who`, `what`, `target`, `detail`, `at_ms` |
| `happenings` | stream | the same of what no person did: rules, the source, senders that are gone (capped; lib/happenings.lua) |
| `request:ID` | hash | a request to the API that may be repeated: `fingerprint`, `token` of who answers it now, and its `answer`; for a day |
| `requests:CALLER` | zset | their ids, by when they came (ms): the newest of each caller are kept |
| `attempts:KIND:N` | hash | sign-ins that failed, by `name` or `address` (hashed to 65,536 places): `attempts`, `at_s` of the last; gone 15 minutes later |
| `signed_out` | zset | sessions of the settings' tokens whose holders signed out, by when they would have ended (s) |
| `failures` | stream | the newest failures (capped), for the dashboard: `v` final bytes of the event |

The state of a page, and of the app:

| part | fields |
| --- | --- |
| last answers | `answers`, a letter for each of the last 50 (scripts/lib/answers.lua); `failures` in a row |
| pause | `paused_until_ms`, `pause_reason`, `paused_by` (the person), `pause_rule`, `pause_level` (how often it was doubled), `probe` (`due`: after it one message goes first; `out`: that is under way) |
| pace (scripts/lib/pace.lua) | `slowed` while there is any of this: `pace` (of the app `pace_rate`), `cut_us`, `cut_factor`, `cut_share`, `climbed_us`, `hold_until_us`, `pace_rule`, `vain_share`, `vain_until_us`; `ceiling`, `ceiling_base`, `ceiling_until_us`, `ceiling_rule`; by hand: `set_limit`, `set_limit_until_ms` |
| breaker, of pages | `breaker` (absent: closed), `reason`, `breaker_rule`, `opened_at_ms`, `retry_at_ms`, `cooldowns` (how often it was doubled) |
| happenings | `noted`, `noted_hour`: how many that began in this hour are noted |

What a person has paused or opened stands until the moment 9999999999999.
"""

from __future__ import annotations

from schema.topic import Log

SHARD = "{s0}"


def key(name: str) -> str:
    """Return the Redis key of a name in the table above, e.g. `key("jobs:42")`."""
    return f"newar:{SHARD}:{name}"


def committed_key(log: Log) -> str:
    """Return the Redis key of what the ingest has committed of this life of the topic."""
    return key(f"committed:{log.cluster_id}:{log.topic_id}" if log.topic_id else f"committed:{log.cluster_id}")
