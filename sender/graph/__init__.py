"""The Graph API as a sender sees it: `http` is the way there, `api` what is said."""
