"""The Cloud SQL connector against a stand-in of its API and proxies."""
