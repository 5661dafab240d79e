"""The few tables of other CRMs that the example queries read, as those CRMs make them, with some rows."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

DRIVERS = {"postgresql": "postgresql+psycopg2", "mariadb": "mariadb+pymysql"}
TYPES = {
    "postgresql": {"{truth}": "boolean", "{moment}": "timestamp(0)", "{quote}": '"'},
    "mariadb": {"{truth}": "tinyint(1)", "{moment}": "datetime", "{quote}": "`"},
}


@dataclass(frozen=True, slots=True)
class CrmTables:
    """One CRM's.

    Attributes:
        statements: Make and fill the tables; `{truth}` and `{moment}` are types, `{quote}` a quotation mark.
        expected: Of each contact that the query yields: kind, first and last name, organization and its id,
            addresses, whether it is deleted.
        recent: Those that changed since March 2026.
    """

    statements: str
    expected: dict[str, tuple[object, ...]]
    recent: set[str]

    def make(self, url: sa.URL) -> None:
        """Make the tables in a database, with their rows."""
        statements = self.statements
        for placeholder, type_ in TYPES[url.drivername].items():
            statements = statements.replace(placeholder, type_)
        engine = sa.create_engine(url.set(drivername=DRIVERS[url.drivername]), poolclass=NullPool)
        with engine.begin() as connection:
            for statement in filter(str.strip, statements.split(";\n")):
                connection.exec_driver_sql(statement)


ESPOCRM = CrmTables(
    """
CREATE TABLE account (id varchar(17) PRIMARY KEY, name varchar(249), deleted {truth} DEFAULT false);
CREATE TABLE contact (id varchar(17) PRIMARY KEY, deleted {truth} DEFAULT false, first_name varchar(100),
    last_name varchar(100), account_id varchar(17), created_at {moment}, modified_at {moment});
CREATE TABLE lead (id varchar(17) PRIMARY KEY, deleted {truth} DEFAULT false, first_name varchar(100),
    last_name varchar(100), account_name varchar(255), status varchar(255) DEFAULT 'New',
    created_at {moment}, modified_at {moment});
CREATE TABLE email_address (id varchar(17) PRIMARY KEY, name varchar(255), deleted {truth} DEFAULT false,
    lower varchar(255), invalid {truth} DEFAULT false, opt_out {truth} DEFAULT false);
CREATE TABLE entity_email_address (id bigint PRIMARY KEY, entity_id varchar(17), email_address_id varchar(17),
    entity_type varchar(100), {quote}primary{quote} {truth} DEFAULT false, deleted {truth} DEFAULT false);
INSERT INTO account VALUES ('a1', 'Maison Aubry', false), ('a2', 'Gone', true);
INSERT INTO contact VALUES
    ('c1', false, 'Hélène', 'Aubry', 'a1', '2026-01-01 08:00:00', '2026-03-05 08:00:00'),
    ('c2', false, NULL, 'Lefèvre', 'a2', '2026-01-01 08:00:00', NULL),
    ('c3', true, 'Old', 'One', NULL, '2026-01-01 08:00:00', '2026-03-06 08:00:00');
INSERT INTO lead VALUES ('l1', false, 'Zoé', 'Roux', 'Roux et fils', 'New', '2026-03-07 08:00:00', NULL),
    ('l2', false, 'Done', 'Deal', NULL, 'Converted', '2026-01-01 08:00:00', '2026-02-01 08:00:00');
INSERT INTO email_address VALUES ('e1', 'h.aubry@post.example', false, 'h.aubry@post.example', false, false),
    ('e2', 'Helene@Aubry.example', false, 'helene@aubry.example', false, false),
    ('e3', 'former@aubry.example', false, 'former@aubry.example', false, false),
    ('e4', 'zoe@roux.example', false, 'zoe@roux.example', false, false);
INSERT INTO entity_email_address VALUES (1, 'c1', 'e1', 'Contact', false, false),
    (2, 'c1', 'e2', 'Contact', true, false), (3, 'c1', 'e3', 'Contact', false, true),
    (4, 'l1', 'e4', 'Lead', true, false), (5, 'c2', 'e4', 'Account', true, false);
""",
    {
        "c1": (
            "contact",
            "Hélène",
            "Aubry",
            "Maison Aubry",
            "a1",
            ["Helene@Aubry.example", "h.aubry@post.example"],
            False,
        ),
        "c2": ("contact", None, "Lefèvre", None, None, [], False),
        "c3": ("contact", "Old", "One", None, None, [], True),
        "l1": ("lead", "Zoé", "Roux", "Roux et fils", None, ["zoe@roux.example"], False),
        "l2": ("lead", "Done", "Deal", None, None, [], True),
    },
    {"c1", "c3", "l1"},
)

SUITECRM = CrmTables(
    """
CREATE TABLE accounts (id char(36) PRIMARY KEY, name varchar(150), deleted tinyint(1) DEFAULT 0);
CREATE TABLE contacts (id char(36) PRIMARY KEY, date_entered datetime, date_modified datetime,
    deleted tinyint(1) DEFAULT 0, first_name varchar(100), last_name varchar(100));
CREATE TABLE accounts_contacts (id varchar(36) PRIMARY KEY, contact_id varchar(36), account_id varchar(36),
    date_modified datetime, deleted tinyint(1) DEFAULT 0);
CREATE TABLE leads (id char(36) PRIMARY KEY, date_entered datetime, date_modified datetime,
    deleted tinyint(1) DEFAULT 0, first_name varchar(100), last_name varchar(100), account_name varchar(255),
    converted tinyint(1) DEFAULT 0, status varchar(100));
CREATE TABLE email_addresses (id char(36) PRIMARY KEY, email_address varchar(255),
    email_address_caps varchar(255), invalid_email tinyint(1) DEFAULT 0, opt_out tinyint(1) DEFAULT 0,
    deleted tinyint(1) DEFAULT 0);
CREATE TABLE email_addr_bean_rel (id char(36) PRIMARY KEY, email_address_id char(36), bean_id char(36),
    bean_module varchar(100), primary_address tinyint(1) DEFAULT 0, reply_to_address tinyint(1) DEFAULT 0,
    deleted tinyint(1) DEFAULT 0);
INSERT INTO accounts VALUES ('a1', 'Maison Aubry', 0), ('a2', 'Aubry SA', 0);
INSERT INTO contacts VALUES ('c1', '2026-01-01 08:00:00', '2026-03-05 08:00:00', 0, 'Hélène', 'Aubry'),
    ('c2', '2026-01-01 08:00:00', NULL, 0, NULL, 'Lefèvre'),
    ('c3', '2026-01-01 08:00:00', '2026-03-06 08:00:00', 1, 'Old', 'One');
INSERT INTO accounts_contacts VALUES ('r1', 'c1', 'a2', NULL, 0), ('r2', 'c1', 'a1', NULL, 0),
    ('r3', 'c2', 'a1', NULL, 1);
INSERT INTO leads VALUES ('l1', '2026-03-07 08:00:00', NULL, 0, 'Zoé', 'Roux', 'Roux et fils', 0, 'New'),
    ('l2', '2026-01-01 08:00:00', '2026-02-01 08:00:00', 0, 'Done', 'Deal', NULL, 1, 'Converted');
INSERT INTO email_addresses VALUES ('e1', 'h.aubry@post.example', 'H.AUBRY@POST.EXAMPLE', 0, 0, 0),
    ('e2', 'Helene@Aubry.example', 'HELENE@AUBRY.EXAMPLE', 0, 0, 0),
    ('e3', 'former@aubry.example', 'FORMER@AUBRY.EXAMPLE', 0, 0, 0),
    ('e4', 'zoe@roux.example', 'ZOE@ROUX.EXAMPLE', 0, 0, 0);
INSERT INTO email_addr_bean_rel VALUES ('b1', 'e1', 'c1', 'Contacts', 0, 0, 0),
    ('b2', 'e2', 'c1', 'Contacts', 1, 0, 0), ('b3', 'e3', 'c1', 'Contacts', 0, 0, 1),
    ('b4', 'e4', 'l1', 'Leads', 1, 0, 0), ('b5', 'e4', 'c2', 'Accounts', 1, 0, 0);
""",
    ESPOCRM.expected,
    ESPOCRM.recent,
)

ODOO = CrmTables(
    """
CREATE TABLE res_partner (id serial PRIMARY KEY, create_date timestamp, write_date timestamp, name varchar,
    active boolean, is_company boolean, type varchar, email varchar, email_normalized varchar,
    parent_id integer, commercial_partner_id integer, company_name varchar);
CREATE TABLE crm_lead (id serial PRIMARY KEY, create_date timestamp, write_date timestamp, active boolean,
    type varchar NOT NULL, contact_name varchar, partner_name varchar, partner_id integer,
    email_from varchar);
INSERT INTO res_partner VALUES
    (1, '2026-01-01', '2026-02-01', 'Maison Aubry', true, true, 'contact', 'office@aubry.example', NULL, NULL,
        1),
    (2, '2026-01-01', '2026-03-05', 'Hélène Aubry', true, false, 'contact',
        '"Aubry, H." <Helene@Aubry.example>, h.aubry@post.example', 'helene@aubry.example', 1, 1),
    (3, '2026-01-01', NULL, 'Lefèvre', true, false, 'contact', NULL, NULL, NULL, 3),
    (4, '2026-01-01', '2026-03-06', 'Old One', false, false, 'contact', 'old@client.example', NULL, NULL, 4);
INSERT INTO crm_lead VALUES
    (1, '2026-03-07', NULL, true, 'lead', 'Zoé Roux', 'Roux et fils', NULL, 'Zoé <zoe@roux.example>'),
    (2, '2026-01-01', '2026-02-01', true, 'opportunity', NULL, NULL, NULL, 'deal@client.example'),
    (3, '2026-01-01', '2026-02-01', true, 'lead', NULL, NULL, 2, 'helene@aubry.example');
""",
    {
        "res.partner,1": (
            "contact",
            None,
            "Maison Aubry",
            "Maison Aubry",
            "res.partner,1",
            ["office@aubry.example"],
            False,
        ),
        "res.partner,2": (
            "contact",
            None,
            "Hélène Aubry",
            "Maison Aubry",
            "res.partner,1",
            ["Helene@Aubry.example", "h.aubry@post.example"],
            False,
        ),
        "res.partner,3": ("contact", None, "Lefèvre", None, None, [], False),
        "res.partner,4": ("contact", None, "Old One", None, None, ["old@client.example"], True),
        "crm.lead,1": ("lead", None, "Zoé Roux", "Roux et fils", None, ["zoe@roux.example"], False),
        "crm.lead,2": ("lead", None, None, None, None, ["deal@client.example"], True),
        "crm.lead,3": ("lead", None, None, None, None, ["helene@aubry.example"], True),
    },
    {"res.partner,2", "res.partner,4", "crm.lead,1"},
)

_AUBRY, _GONE, _HELENE, _LEFEVRE, _OLD, _ZOE = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(6))

TWENTY = CrmTables(
    f"""
CREATE SCHEMA workspace_1abc;
CREATE TABLE workspace_1abc.company (id uuid PRIMARY KEY, name text, "deletedAt" timestamptz);
CREATE TABLE workspace_1abc.person (id uuid PRIMARY KEY, "createdAt" timestamptz NOT NULL DEFAULT now(),
    "updatedAt" timestamptz NOT NULL DEFAULT now(), "deletedAt" timestamptz, "nameFirstName" text,
    "nameLastName" text, "emailsPrimaryEmail" text, "emailsAdditionalEmails" jsonb, "companyId" uuid);
INSERT INTO workspace_1abc.company VALUES
    ('{_AUBRY}', 'Maison Aubry', NULL), ('{_GONE}', 'Gone', '2026-01-01');
INSERT INTO workspace_1abc.person VALUES
    ('{_HELENE}', '2026-01-01', '2026-03-05', NULL, 'Hélène', 'Aubry', 'Helene@Aubry.example',
        '["h.aubry@post.example", "aubry@post.example"]', '{_AUBRY}'),
    ('{_LEFEVRE}', '2026-01-01', '2026-02-01', NULL, '', 'Lefèvre', '', NULL, '{_GONE}'),
    ('{_OLD}', '2026-01-01', '2026-02-01', '2026-03-06', 'Old', 'One', 'old@client.example', '[]', NULL),
    ('{_ZOE}', '2026-01-01', '2026-02-01', NULL, 'Zoé', 'Roux', '', '["zoe@roux.example"]', NULL);
""",
    {
        _HELENE: (
            "contact",
            "Hélène",
            "Aubry",
            "Maison Aubry",
            _AUBRY,
            ["Helene@Aubry.example", "h.aubry@post.example", "aubry@post.example"],
            False,
        ),
        _LEFEVRE: ("contact", None, "Lefèvre", None, None, [], False),
        _OLD: ("contact", "Old", "One", None, None, ["old@client.example"], True),
        _ZOE: ("contact", "Zoé", "Roux", None, None, ["zoe@roux.example"], False),
    },
    {_HELENE, _OLD},
)
