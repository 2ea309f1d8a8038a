"""The store's schema, one file under ``versions/`` for each change. Shipped with the package, run by the store."""
