"""Postgres and Redis in every state that they may be found in: refusing, full, lagging, behind TLS or a pooler."""
