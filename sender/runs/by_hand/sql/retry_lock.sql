-- One at a time: each must see what the other has made.
SELECT pg_advisory_xact_lock(hashtext('newar run retry'))
