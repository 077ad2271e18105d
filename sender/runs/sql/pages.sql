SELECT page_id::text, page_access_token::text, time_zone::text,
    weight::float8, limit_text::float8, limit_media::float8
FROM {pages}
WHERE page_id IS NOT NULL
