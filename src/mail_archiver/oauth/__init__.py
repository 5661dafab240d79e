"""OAuth 2.0 (RFC 6749), and the only part that speaks to authorization servers. Loaded where it is used."""
