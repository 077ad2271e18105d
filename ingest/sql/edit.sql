-- What the edit makes of each message. A subquery of its own for each: an edit with several values for one is refused, and
-- one that ends with a comment ends at its line.
SELECT letters.number, (
    SELECT (
{edit}
    )::jsonb FROM (SELECT letters.event AS event) one
)::text
FROM unnest(%(numbers)s::int[], %(events)s::jsonb[]) AS letters (number, event)
