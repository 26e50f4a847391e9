"""Operations: deployment, and dashboards and alerts as files. Not deployed itself."""
