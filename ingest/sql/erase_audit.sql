INSERT INTO audit (who, what, target, detail) VALUES (%(who)s, 'person erase', %(page_id)s, %(detail)s)
