-- SuiteCRM (7 and 8), on MySQL or MariaDB: contacts, and leads that were not converted.
-- external_id is the record's id: …/index.php?module=Contacts&action=DetailView&record=<external_id>
-- The user needs SELECT on contacts, leads, accounts, accounts_contacts, email_addresses, email_addr_bean_rel.
SELECT c.id AS external_id,
       'contact' AS kind,
       c.first_name,
       c.last_name,
       a.name AS organization,
       a.id AS organization_id,
       e.email_address AS address,
       r.primary_address AS is_primary,
       COALESCE(c.date_modified, c.date_entered) AS updated_at,
       c.deleted
FROM contacts c
LEFT JOIN accounts a ON a.deleted = 0 AND a.id = (
    SELECT MIN(ac.account_id) FROM accounts_contacts ac WHERE ac.contact_id = c.id AND ac.deleted = 0
)
LEFT JOIN email_addr_bean_rel r ON r.bean_id = c.id AND r.bean_module = 'Contacts' AND r.deleted = 0
LEFT JOIN email_addresses e ON e.id = r.email_address_id AND e.deleted = 0
WHERE COALESCE(c.date_modified, c.date_entered) >= :since
UNION ALL
SELECT l.id,
       'lead',
       l.first_name,
       l.last_name,
       l.account_name,
       NULL,
       e.email_address,
       r.primary_address,
       COALESCE(l.date_modified, l.date_entered),
       l.deleted = 1 OR l.converted = 1
FROM leads l
LEFT JOIN email_addr_bean_rel r ON r.bean_id = l.id AND r.bean_module = 'Leads' AND r.deleted = 0
LEFT JOIN email_addresses e ON e.id = r.email_address_id AND e.deleted = 0
WHERE COALESCE(l.date_modified, l.date_entered) >= :since
