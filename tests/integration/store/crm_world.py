"""A small CRM, and the archive beside it, as other programs and runs change them."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.store.messages import KEY, NOW, begin_epoch, draft
from tests.integration.store.sql import Sql

from mail_archiver.archiving.batch import record_drafts
from mail_archiver.archiving.later import link_later
from mail_archiver.archiving.linking import link_by_hand, unlink_by_hand
from mail_archiver.archiving.work import Parts
from mail_archiver.blobs.folder import FolderBlobs
from mail_archiver.domain.address import OwnAddresses
from mail_archiver.domain.draft import Recorded
from mail_archiver.domain.linking import LinkingRules, Target
from mail_archiver.domain.mailbox_state import Epoch
from mail_archiver.logs import open_log
from mail_archiver.store.store import Store

RULES = LinkingRules(OwnAddresses.of([], ["example.com"]))
BEFORE, AFTER = NOW - timedelta(days=30), NOW + timedelta(days=30)
"""The rule for opportunities is set up at NOW."""


@dataclass
class World:
    """What happens on one database; every id is chosen by the test."""

    store: Store
    sql: Sql
    rules: LinkingRules = RULES
    now: datetime = NOW
    _epoch: Epoch | None = field(default=None, init=False)

    def organization(self, number: int, *addresses: str) -> None:
        self.sql.run(
            f"INSERT INTO organization (id, name) {self._given_id} VALUES ({number}, 'Company {number}')",
            *(
                "INSERT INTO organization_address (organization_id, address, normalized)"
                f" VALUES ({number}, '{each}', '{each}')"
                for each in addresses
            ),
        )

    def contact(self, number: int, *addresses: str, organization: int | None = None) -> None:
        self.sql.run(
            f"INSERT INTO contact (id, last_name, organization_id) {self._given_id}"
            f" VALUES ({number}, 'Contact {number}', {organization or 'NULL'})",
            *(
                "INSERT INTO contact_address (contact_id, address, normalized)"
                f" VALUES ({number}, '{each}', '{each}')"
                for each in addresses
            ),
        )

    def opportunity(
        self,
        number: int,
        *contacts: int,
        stage: str = "open",
        created: datetime = NOW - timedelta(days=60),
        updated: datetime = NOW,
    ) -> None:
        self.sql.run(
            f"INSERT INTO opportunity (id, name, stage, created_at, updated_at) {self._given_id}"
            f" VALUES ({number}, 'Opportunity {number}', '{stage}', '{self._moment(created)}',"
            f" '{self._moment(updated)}')",
            *(
                f"INSERT INTO opportunity_contact (opportunity_id, contact_id) VALUES ({number}, {each})"
                for each in contacts
            ),
        )

    def message(
        self, uid: int, at: datetime = AFTER, *, number: int | None = None, headers: Mapping[str, str]
    ) -> Recorded:
        """Record one: another road of an earlier one where it has the same number and body."""
        number = uid if number is None else number
        self._epoch = self._epoch or begin_epoch(self.store, KEY)
        usual = {"Message-ID": f"<{number}@example.com>", "Subject": f"Offer {number}", "To": ""}
        each = replace(draft(uid, usual | dict(headers)), received_at=at)
        with self.store.transaction() as uow:
            [recorded] = record_drafts(uow, self._epoch, [each], self.rules, self.now, disposed=True)
        return recorded

    def later(self) -> int:
        """What the end of a run does."""
        parts = Parts(
            lambda: self.store,
            FolderBlobs(Path("unused")),
            lambda: self.now,
            open_log("error", io.StringIO()),
        )
        return link_later(parts, self.rules)

    def link(self, target: Target, archive_id: int, target_id: int) -> bool:
        with self.store.transaction() as uow:
            return link_by_hand(uow, self.rules, target, archive_id, target_id, self.now)

    def unlink(self, target: Target, archive_id: int, target_id: int) -> bool:
        with self.store.transaction() as uow:
            return unlink_by_hand(uow, self.rules, target, archive_id, target_id, self.now)

    def relink(self) -> int:
        with self.store.transaction() as uow:
            for target in Target:
                uow.latecomers.forget(target, None)
        return self.later()

    def contacts(self) -> set[tuple[Any, ...]]:
        return self._links("contact", "role, address, rule")

    def organizations(self) -> set[tuple[Any, ...]]:
        """Archive, organization, rule, the contact that it is linked through."""
        return self._links("organization", "rule, contact_id")

    def opportunities(self) -> set[tuple[Any, ...]]:
        """Archive, opportunity, rule, the contact that it is linked through."""
        return self._links("opportunity", "rule, contact_id")

    def _links(self, target: str, columns: str) -> set[tuple[Any, ...]]:
        query = f"SELECT archive_id, {target}_id, {columns} FROM archive_{target} WHERE unlinked_at IS NULL"
        return set(self.sql.rows(query))

    @property
    def _given_id(self) -> str:
        return "" if self.sql.is_sqlite else "OVERRIDING SYSTEM VALUE"

    def _moment(self, moment: datetime) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S.%f}" + ("" if self.sql.is_sqlite else "+00")
