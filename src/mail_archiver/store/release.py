"""Which release our tables have to be of; apart, so that a poll need not load what migrates them."""

HEAD = "0001"
"""The newest migration."""

VERSION_TABLE = "mail_archiver_version"
