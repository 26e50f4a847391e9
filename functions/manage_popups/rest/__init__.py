"""What the resources share: paging, merge patches, idempotency keys and field types."""
