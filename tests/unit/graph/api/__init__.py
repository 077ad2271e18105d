"""Judging answers of the Graph API."""
