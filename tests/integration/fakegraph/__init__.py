"""The stand-in Graph API as a process, spoken to over real sockets."""
