"""The send path: run processor, queue, Graph API client and the sender nursery."""
