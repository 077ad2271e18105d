"""What a run would do, without doing it: who would get its message, who not and why. Nothing is written anywhere."""
