"""Models of the application, written from the catalog: one module a target under targets/."""
