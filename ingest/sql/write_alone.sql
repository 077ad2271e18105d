-- Whoever writes rows of a partition of the topic does so alone: else nobody could say what the log has of them. Nothing is
-- waited for longer than said, so that a process that stands still in the middle of its batch is noticed by the next one.
SELECT set_config('lock_timeout', {wait_ms}, true), pg_advisory_xact_lock(hashtext({topic}), partition),
    set_config('newar.keeps_figures', 'yes', true)
FROM unnest({partitions}::int[]) AS partition
