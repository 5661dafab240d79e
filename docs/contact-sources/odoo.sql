-- Odoo (14 to 19), on PostgreSQL: partners, and leads that are no opportunity and have no partner yet.
-- external_id is Odoo's own way to name a record, 'res.partner,7' or 'crm.lead,7': both count from 1.
-- Companies are contacts too, since their addresses stand with them; for people alone, add AND NOT p.is_company.
-- Without the CRM app there is no crm_lead: leave out what comes from UNION ALL on.
-- Odoo has names in one piece, and what people typed as an e-mail address, several of them or <in brackets>.
-- The user needs SELECT on res_partner and crm_lead.
SELECT 'res.partner,' || p.id AS external_id,
       'contact' AS kind,
       p.name AS last_name,
       CASE WHEN o.is_company THEN o.name END AS organization,
       CASE WHEN o.is_company THEN 'res.partner,' || o.id END AS organization_id,
       (SELECT string_agg(found[1], ';') FROM regexp_matches(p.email, '[^\s<>,;"]+@[^\s<>,;"]+', 'g') AS found)
           AS addresses,
       COALESCE(p.write_date, p.create_date) AS updated_at,
       NOT p.active AS deleted
FROM res_partner p
LEFT JOIN res_partner o ON o.id = p.commercial_partner_id
WHERE COALESCE(p.write_date, p.create_date) >= :since
UNION ALL
SELECT 'crm.lead,' || l.id,
       'lead',
       l.contact_name,
       l.partner_name,
       NULL,
       (SELECT string_agg(found[1], ';') FROM regexp_matches(l.email_from, '[^\s<>,;"]+@[^\s<>,;"]+', 'g') AS found),
       COALESCE(l.write_date, l.create_date),
       NOT l.active OR l.type <> 'lead' OR l.partner_id IS NOT NULL
FROM crm_lead l
WHERE COALESCE(l.write_date, l.create_date) >= :since
