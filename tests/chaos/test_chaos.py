"""A few kills of every kind; `make chaos` makes many."""

from pathlib import Path
from random import SystemRandom

import pytest
from tests.chaos.campaign import DISPOSITIONS, Campaign
from tests.servers.dovecot import Dovecot

KILLS = 7
"""In each of six campaigns."""


@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_loses_and_doubles_nothing_however_often_it_is_killed(
    tmp_path: Path, database_url: str, dovecot: Dovecot, disposition: str
) -> None:
    seed = SystemRandom().randrange(2**32)
    Campaign(tmp_path / "chaos", database_url, dovecot, disposition, seed).carry_out(KILLS)
