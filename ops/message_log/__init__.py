"""What people ask of the message log: which questions an index answers, and how they are put to the database."""
