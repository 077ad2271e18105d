-- The three views through which Newar sees your database. Paste this into Supabase's SQL editor (or psql), with your
-- own tables in the FROMs. It may be run again at any time. The tables used here are those of tables.sql.
--
-- Every column must be there, with its name and type; write NULL::type AS name where you have nothing like it. Only
-- newar_runs.recipients, newar_recipients.time_zone and newar_pages.name may be left out.
-- Newar only reads. It never changes a status here: what became of a run stands in Newar's own log.

BEGIN;

-- One row per broadcast.
--   run_id         any text, never used twice: a finished run is never taken again. A refused one is, when it was mended
--                  within a day, or when its updated_at is newer than the refusal
--   status         queued: send it · paused: wait · cancelled: stop for good. Rows with other words are ignored; those
--                  that are nearly one of these, such as Queued, are listed by newar run list.
--   recipients     how many rows the run has in newar_recipients; may be left out. The run waits until all can be seen:
--                  worth having where recipients are written after their run. Without it a run waits for the first one.
--                  0: nobody is meant. Of a counter that begins at 0, write NULLIF(counter, 0) AS recipients
--   updated_at     when the row was changed; let a trigger write it, such as Supabase's moddatetime
--   message        the `message` object of Facebook's Send API; {{name}} and {{name|fallback}} in its strings are filled
--                  in from the recipient's variables
--   messaging_type UPDATE (the default; within 24 hours of the person's last action), RESPONSE, UTILITY or
--                  MESSAGE_TAG with a tag
--   notification_type  REGULAR, SILENT_PUSH or NO_PUSH
--   scheduled_at   when to begin; NULL: now.  expires_at: when to give up; NULL: a day after it was due
--   send_window    when it may send, in the page's time zone or the recipient's; NULL: always. Such as
--                    09:00-21:00                                    every day
--                    09:00-12:00, 14:00-21:00                       several spans
--                    Mon-Fri 09:00-21:00; Sat 10:00-14:00           by weekdays, not on those that are not named
--                    Fri, Sat 22:00-02:00                           across midnight: into Saturday and Sunday
--   priority       higher goes first among the runs of a page.  on_unknown: hold (the default) or resend
CREATE OR REPLACE VIEW newar_runs AS
SELECT
    b.id::text       AS run_id,
    b.page_id        AS page_id,
    p.access_token   AS page_access_token,
    b.message        AS message,
    'UPDATE'::text   AS messaging_type,
    NULL::text       AS tag,
    NULL::text       AS notification_type,
    b.status         AS status,
    b.scheduled_at   AS scheduled_at,
    b.expires_at     AS expires_at,
    b.send_window    AS send_window,
    NULL::int        AS priority,
    NULL::text       AS on_unknown,
    b.updated_at     AS updated_at
FROM broadcasts b
JOIN pages p ON p.id = b.page_id
-- Old runs need not be looked at every ten seconds; leave out nothing that may still be sending.
WHERE coalesce(b.expires_at, coalesce(b.scheduled_at, b.updated_at) + interval '1 day') > now() - interval '7 days';

-- One row per message to send. Should a person stand there twice in a run, one message goes out.
--   recipient_id        the person's page-scoped id (PSID)
--   variables           a JSON object with the values for the placeholders
--   last_interaction_at when the person last acted. NULL, or longer ago than 24 hours: UPDATE and RESPONSE messages are
--                       not sent to this person (`suppressed`), as Facebook demands
--   time_zone           the person's own, such as Europe/Berlin: the run's send_window is then in that zone for them.
--                       NULL, or no such zone: the page's counts
CREATE OR REPLACE VIEW newar_recipients AS
SELECT
    r.broadcast_id::text AS run_id,
    r.psid               AS recipient_id,
    jsonb_build_object('first_name', s.first_name) || coalesce(r.variables, '{}') AS variables,
    s.last_interaction_at AS last_interaction_at,
    s.time_zone           AS time_zone
FROM broadcast_recipients r
LEFT JOIN subscribers s ON s.page_id = r.page_id AND s.psid = r.psid;

-- One row per page; you may leave this view out. A token that changes here is used from the next poll on.
--   time_zone    for send_window, such as Asia/Bangkok; NULL: UTC
--   weight       a page of weight 2 gets twice the share of one of weight 1 when not all can be served at once
--   limit_text, limit_media   messages per second of this page, where the settings' limits do not fit
--   name         what people know the page by; its first 200 characters are shown beside its id
CREATE OR REPLACE VIEW newar_pages AS
SELECT
    id           AS page_id,
    access_token AS page_access_token,
    time_zone    AS time_zone,
    NULL::int    AS weight,
    NULL::int    AS limit_text,
    NULL::int    AS limit_media,
    name         AS name
FROM pages;

-- The views hold page tokens. Supabase shows everything in the schema `public` to its web API's roles: not these.
DO $$
DECLARE
    ours regclass;
    web_role text;
BEGIN
    FOREACH ours IN ARRAY ARRAY[to_regclass('newar_runs'), to_regclass('newar_recipients'), to_regclass('newar_pages')]
    LOOP
        CONTINUE WHEN ours IS NULL;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', ours);
        FOR web_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
            EXECUTE format('REVOKE ALL ON %s FROM %I', ours, web_role);
        END LOOP;
    END LOOP;
END $$;

COMMIT;
