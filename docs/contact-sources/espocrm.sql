-- EspoCRM (7 to 9), on MySQL, MariaDB or PostgreSQL: contacts, and leads that were not converted.
-- external_id is the record's id: https://crm.example.com/#Contact/view/<external_id>, or #Lead/view/…
-- The user needs SELECT on contact, lead, account, email_address and entity_email_address.
SELECT c.id AS external_id,
       'contact' AS kind,
       c.first_name,
       c.last_name,
       a.name AS organization,
       a.id AS organization_id,
       e.name AS address,
       r.primary AS is_primary,
       COALESCE(c.modified_at, c.created_at) AS updated_at,
       c.deleted
FROM contact c
LEFT JOIN account a ON a.id = c.account_id AND NOT a.deleted
LEFT JOIN entity_email_address r ON r.entity_id = c.id AND r.entity_type = 'Contact' AND NOT r.deleted
LEFT JOIN email_address e ON e.id = r.email_address_id AND NOT e.deleted
WHERE COALESCE(c.modified_at, c.created_at) >= :since
UNION ALL
SELECT l.id,
       'lead',
       l.first_name,
       l.last_name,
       l.account_name,
       NULL,
       e.name,
       r.primary,
       COALESCE(l.modified_at, l.created_at),
       l.deleted OR l.status = 'Converted'
FROM lead l
LEFT JOIN entity_email_address r ON r.entity_id = l.id AND r.entity_type = 'Lead' AND NOT r.deleted
LEFT JOIN email_address e ON e.id = r.email_address_id AND NOT e.deleted
WHERE COALESCE(l.modified_at, l.created_at) >= :since
