"""What users rely on, whichever function keeps it: over HTTP, on a real Postgres and Valkey."""
