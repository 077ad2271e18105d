-- A recipient's own time zone, in which the run's send_window counts; NULL: the page's.
ALTER TABLE submitted_recipients ADD COLUMN time_zone text;
