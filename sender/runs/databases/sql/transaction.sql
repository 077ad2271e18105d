-- For this transaction only: a session's settings would stay with a pooler's server.
SELECT
    set_config('statement_timeout', %(timeout_ms)s, true),
    -- A run is often read before Postgres has statistics of its recipients. It then takes them for few, and would sort
    -- all that are left for every page of them. The index has them in order; without one it still sorts.
    set_config('enable_sort', 'off', true),
    -- Ruling a sort out makes a plan look dear enough to compile.
    set_config('jit', 'off', true)
