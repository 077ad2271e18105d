-- Remove a user, and by the foreign key their sessions; no row: there is no such user.
WITH removed AS (DELETE FROM users WHERE name = %(name)s RETURNING name)
INSERT INTO audit (who, what, target) SELECT %(who)s, 'user remove', name FROM removed RETURNING target
