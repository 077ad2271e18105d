"""Files that people bring, of recipients or of a deny list, in whatever form they were saved. No database here."""
