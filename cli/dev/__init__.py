"""`popups dev`: everything on this machine, on an embedded Postgres and Valkey, at one address."""
