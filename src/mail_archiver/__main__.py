"""`python -m mail_archiver`, the same as the command `mail-archiver`."""

from mail_archiver.cli import program

program()
