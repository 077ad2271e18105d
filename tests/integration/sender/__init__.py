"""The sender service on real servers, against the fake Graph API."""
