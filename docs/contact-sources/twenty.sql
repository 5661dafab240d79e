-- Twenty, on PostgreSQL: people.
-- external_id is the person's id: https://crm.example.com/object/person/<external_id>
-- A workspace is a schema, which the URL names: …/default?options=-csearch_path%3Dworkspace_1abc (what they are
-- called: SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'workspace%').
-- The user needs USAGE on that schema, and SELECT on person and company in it.
SELECT p.id AS external_id,
       p."nameFirstName" AS first_name,
       p."nameLastName" AS last_name,
       c.name AS organization,
       c.id AS organization_id,
       concat_ws(';', p."emailsPrimaryEmail", (
           SELECT string_agg(additional.address, ';') FROM jsonb_array_elements_text(
               CASE WHEN jsonb_typeof(p."emailsAdditionalEmails") = 'array'
                    THEN p."emailsAdditionalEmails" ELSE '[]'::jsonb END
           ) AS additional(address)
       )) AS addresses,
       GREATEST(p."updatedAt", p."deletedAt") AS updated_at,
       p."deletedAt" AS deleted
FROM person p
LEFT JOIN company c ON c.id = p."companyId" AND c."deletedAt" IS NULL
WHERE GREATEST(p."updatedAt", p."deletedAt") >= :since
