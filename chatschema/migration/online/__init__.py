"""Files with `-- online: index`: the index is prepared without blocking writes, then the file runs in its transaction."""
