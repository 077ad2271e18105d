"""The Graph API: connection pool, client and classification of answers."""
