"""The database's schema: migrations, partitions, rights."""
