UPDATE audit SET detail = replace(detail, %(recipient_id)s::text, '(erased)')
WHERE length(%(recipient_id)s::text) >= %(found_anywhere)s AND strpos(detail, %(recipient_id)s::text) > 0
