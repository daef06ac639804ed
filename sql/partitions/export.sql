-- export: a month's rows as CSV, in the order of their key, so that the same rows give the same file.
-- Why: every tool reads CSV, and PostgreSQL reads its own CSV without loss: null and an empty text stay different.
copy (select {columns} from {table} order by {order}) to stdout (format csv, header true, encoding 'UTF8')
