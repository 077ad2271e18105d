"""Reading the topic: the group, the places in each partition, one life of the topic or another."""
