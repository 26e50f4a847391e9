"""deploy.sh's logic: deploys functions, script and monitoring to a Google Cloud project."""
