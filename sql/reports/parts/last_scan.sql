-- last_scan: when an index was last scanned; beside index_tree as t. Before version 16 nobody knows.
null::timestamptz
