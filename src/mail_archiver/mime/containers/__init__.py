"""Files that mail carries packed in older ways than MIME. Nothing in here raises on what it is given."""
