INSERT INTO audit (who, what, target, detail) VALUES (%(who)s, %(what)s, %(target)s, %(detail)s)
RETURNING id
