UPDATE audit SET detail = detail || '; ' || %(detail)s WHERE id = %(id)s
