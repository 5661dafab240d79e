"""The IMAP side, and the only user of imapclient."""
