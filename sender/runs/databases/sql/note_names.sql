INSERT INTO known_pages AS known (page_id, name)
SELECT page_id, name FROM unnest(%(page_ids)s::text[], %(names)s::text[]) AS now (page_id, name)
ORDER BY page_id COLLATE "C"
ON CONFLICT (page_id) DO UPDATE SET name = EXCLUDED.name WHERE known.name IS DISTINCT FROM EXCLUDED.name
