"""What operates the functions: their deployment, and dashboards and alerts as files. Nothing of it is deployed."""
