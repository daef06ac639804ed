-- last_scan: when an index was last scanned; beside index_tree as t. Before version 16 this is unknown.
null::timestamptz
