-- import: loads a file that export wrote.
-- Why: the header must name the same columns in the same order, otherwise no row is loaded.
copy {table} ({columns}) from stdin (format csv, header match, encoding 'UTF8')
