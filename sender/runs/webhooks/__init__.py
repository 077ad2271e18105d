"""Telling the platform that submits runs of their ends and stops, over HTTP."""
