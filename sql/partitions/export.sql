-- export: a month's rows as CSV, in the order of their key, so that the same rows give the same file.
-- Why: CSV is what every tool reads, and PostgreSQL reads its own back without loss: null and an empty text stay apart.
copy (select {columns} from {table} order by {order}) to stdout (format csv, header true, encoding 'UTF8')
