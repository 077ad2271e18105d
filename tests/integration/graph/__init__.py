"""The Graph API as a sender sees it."""
