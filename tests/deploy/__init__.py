"""deploy.sh against a gcloud that reaches nothing."""
