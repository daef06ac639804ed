-- safe_versions: the oldest minor version of each major version without a published security hole, and when it was released.
-- Why: a server does not know that a newer version fixes a hole in it. As of 2026-08-13; the minor versions .5, .11, .15 and .19
--   before these were never released.
select * from (
    values (15, 20, date '2026-08-13'), (16, 16, date '2026-08-13'), (17, 12, date '2026-08-13'), (18, 6, date '2026-08-13')
) as v (major, minor, released_on)
