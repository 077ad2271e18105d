-- An example of what you may have: pages, subscribers, broadcasts. Newar needs none of these tables; the views in
-- views.sql are written over them, and you change the views to fit your own tables.

CREATE TABLE pages (
    id           text PRIMARY KEY,          -- the Facebook Page's number
    name         text NOT NULL,
    access_token text NOT NULL,             -- the Page access token
    time_zone    text                       -- such as Asia/Bangkok
);

CREATE TABLE subscribers (
    page_id             text NOT NULL REFERENCES pages (id),
    psid                text NOT NULL,      -- the person's id as this page sees it
    first_name          text,
    last_interaction_at timestamptz,        -- when the person last wrote to the page or tapped something
    time_zone           text,               -- of the person, such as Europe/Berlin, where you know it
    PRIMARY KEY (page_id, psid)
);

CREATE TABLE broadcasts (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    page_id      text        NOT NULL REFERENCES pages (id),
    message      jsonb       NOT NULL,      -- such as {"text": "Hi {{first_name|there}}"}
    status       text        NOT NULL DEFAULT 'draft',
    scheduled_at timestamptz,
    expires_at   timestamptz,
    send_window  text,
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE broadcast_recipients (
    broadcast_id uuid NOT NULL REFERENCES broadcasts (id),
    page_id      text NOT NULL,
    psid         text NOT NULL,
    variables    jsonb
);
