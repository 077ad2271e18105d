-- How fast the Graph API answered to these pages in the last five minutes.
SELECT page_id, latencies
FROM page_figures
WHERE page_id = ANY(%(pages)s) AND step_s = 60 AND at >= now() - interval '5 minutes'
