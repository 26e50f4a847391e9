"""deploy.sh's logic: how functions, script and monitoring come to a Google Cloud project."""
