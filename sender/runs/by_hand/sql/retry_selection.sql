INSERT INTO submitted_selections (run_id, parent_run_id, root_run_id, root_source, family, classes, outcomes, logged_since)
VALUES (%(run_id)s, %(parent)s, %(root)s, %(root_source)s, %(family)s, %(classes)s, %(outcomes)s, %(since)s)
