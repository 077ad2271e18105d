SELECT page_id, name FROM known_pages WHERE page_id = ANY(%(page_ids)s) AND name IS NOT NULL
