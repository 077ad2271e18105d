"""The cockpit's words: English stands in the templates, every other language in a gettext catalogue here."""
