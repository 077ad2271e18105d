"""Telling a platform of runs."""
