INSERT INTO audit (who, what, target, detail) VALUES (%(who)s, 'log redrive', 'dead letters', %(detail)s)
RETURNING id
