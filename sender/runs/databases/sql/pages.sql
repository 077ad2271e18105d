SELECT page_id::text, page_access_token::text, time_zone::text,
    weight::text, limit_text::text, limit_media::text, left({name}, 200)
FROM {pages}
WHERE page_id IS NOT NULL
