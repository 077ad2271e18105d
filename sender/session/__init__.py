"""What keeps a sender's hold on its jobs honest: its lease, taking over from the dead, draining ended runs."""
