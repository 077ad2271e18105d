"""Mending the log by command: dead letters put back, a part of the topic read again, people removed."""
