"""The pure core: what to fetch, what a message is, whom it concerns, what follows on the server."""
