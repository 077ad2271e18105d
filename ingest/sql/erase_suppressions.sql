DELETE FROM suppressions WHERE recipient_id = %(recipient_id)s AND %(page_id)s IN ('', page_id)
