"""What connections have to satisfy, kept for the next one of the same authorities and for no other."""

from dataclasses import replace

import pytest
from tests.integration.imap.logins import tls_login
from tests.servers.dovecot import Dovecot

from mail_archiver.errors import TlsNotTrusted
from mail_archiver.imap.connect import TlsContexts, log_in


def test_authorities_are_read_once(dovecot: Dovecot) -> None:
    contexts = TlsContexts()
    one, other = (tls_login(dovecot, dovecot.new_user()) for _ in range(2))
    assert contexts.of(one) is contexts.of(replace(other, host="elsewhere.example"))
    for login in (one, other, replace(one, security="starttls", port=dovecot.port)):
        with log_in(login, contexts) as session:
            assert session.examine("INBOX").exists == 0


def test_what_one_account_trusts_another_does_not(dovecot: Dovecot) -> None:
    contexts = TlsContexts()
    trusting = tls_login(dovecot, dovecot.new_user())
    pinned = replace(trusting, ca_file=None, tls_fingerprint="0" * 64)
    with log_in(trusting, contexts):
        pass
    for login in (pinned, replace(trusting, ca_file=None), replace(trusting, host="127.1")):
        with pytest.raises(TlsNotTrusted), log_in(login, contexts):
            pass
