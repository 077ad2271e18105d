-- What the removed rows said of them. A deny list is a person's word.
DELETE FROM suppressions known USING erasures
WHERE known.recipient_id = erasures.recipient_id AND erasures.page_id IN ('', known.page_id)
    AND known.reason = 'recipient_gone'
