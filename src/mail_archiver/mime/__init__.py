"""From the bytes of a message to what it says. Nothing in here raises on what a message contains."""
