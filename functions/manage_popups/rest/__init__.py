"""What the resources share: pages, merge patches, idempotency keys and kinds of fields."""
