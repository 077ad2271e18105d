-- Dead letters with the bytes of this id, or, when none is given, of anybody's who was removed before they came.
SELECT cluster_id, topic, topic_id, partition, "offset", raw
FROM message_log_dead_letters letter
WHERE CASE
    WHEN %(recipient_id)s::text IS NOT NULL THEN position(convert_to(%(recipient_id)s::text, 'UTF8') IN raw) > 0
    ELSE EXISTS (
        SELECT FROM erasures
        WHERE letter.received_at >= erasures.erased_at AND position(convert_to(recipient_id, 'UTF8') IN raw) > 0
    )
END
