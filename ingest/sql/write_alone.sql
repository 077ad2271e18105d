-- Whoever writes rows of a partition of the topic does so alone: else nobody could say what the log has of them.
SELECT pg_advisory_xact_lock(hashtext({topic}), partition), set_config('newar.keeps_figures', 'yes', true)
FROM unnest({partitions}::int[]) AS partition
