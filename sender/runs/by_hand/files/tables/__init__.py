"""Files of people as people have them: a heading and rows, in the forms that spreadsheets and programs write."""
