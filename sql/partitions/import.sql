-- import: reads back what export wrote.
-- Why: the header must name the same columns in the same order, or nothing is read.
copy {table} ({columns}) from stdin (format csv, header match, encoding 'UTF8')
