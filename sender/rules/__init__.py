"""What follows from answers, as data: a table shipped with the program, and an operator's file over it. Pure."""
