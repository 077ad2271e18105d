SELECT recipient_id, page_id FROM erasures
