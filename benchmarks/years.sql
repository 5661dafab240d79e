-- Rows as of :archives messages of another account, years of them: four a thread, three addresses each, most of
-- them contacts'. Random where real ones are (hashes, Message-IDs), so that the indexes are as real ones are.
INSERT INTO mailbox (account, host, username, name) VALUES ('old', 'old.example', 'old', 'INBOX');

INSERT INTO mailbox_epoch (mailbox_id, uidvalidity, last_uid, started_at)
SELECT id, 1, :archives, now() FROM mailbox WHERE account = 'old';

INSERT INTO archive (fingerprint, message_id, thread_id, subject, sender, sent_at, received_at, archived_at,
                     direction, body_text, body_html, size_octets, source_sha256, attachment_count, defects)
SELECT 'v1:' || encode(sha256(('f' || n)::bytea), 'hex'), md5('m' || n) || '@old.example',
       md5('m' || n - n % 4), 'Offer ' || n, 'p' || n % 4000 || '@company-' || n % 400 || '.example',
       timestamptz '2010-01-01' + n * interval '5 min', timestamptz '2010-01-01' + n * interval '5 min', now(),
       'outgoing', text, '<p>' || text || '</p>', 10000, encode(sha256(('s' || n)::bytea), 'hex'), 0, '[]'
FROM generate_series(1, :archives) n,
     LATERAL (SELECT string_agg(md5(n || '-' || k), ' ') AS text FROM generate_series(1, 25) k) AS body;

INSERT INTO processed_uid (epoch_id, uid, outcome, archive_id, source_sha256, header_sha256, size_octets,
                           received_at, processed_at, disposed_at)
SELECT e.id, row_number() OVER (ORDER BY a.id), 'archived', a.id, a.source_sha256,
       encode(sha256(('h' || a.id)::bytea), 'hex'), a.size_octets, a.received_at, now(), now()
FROM archive a, mailbox_epoch e;

INSERT INTO archive_address (archive_id, role, position, epoch_id, uid, display_name, address, normalized)
SELECT p.archive_id, role, 0, p.epoch_id, p.uid, coalesce(c.last_name, ''), found.who, found.who
FROM processed_uid p
     CROSS JOIN LATERAL (VALUES ('sender', 1), ('to', 2), ('cc', 3)) AS roles (role, k)
     CROSS JOIN LATERAL (SELECT 1 + (p.archive_id * 7919 * k) % 5000 AS number) AS picked
     LEFT JOIN contact c ON c.id = number
     LEFT JOIN contact_address ca ON ca.contact_id = c.id
     CROSS JOIN LATERAL (SELECT coalesce(ca.normalized, 'p' || number || '@elsewhere.example')) AS found (who);

INSERT INTO archive_contact (archive_id, contact_id, role, address, rule)
SELECT DISTINCT ON (a.archive_id, c.contact_id) a.archive_id, c.contact_id, a.role, a.normalized, 'address'
FROM archive_address a JOIN contact_address c ON c.normalized = a.normalized;

INSERT INTO thread_message (message_key, thread_id) SELECT md5('m' || n), md5('m' || n - n % 4)
FROM generate_series(1, :archives) n;
