"""What holds of the source as it stands: arrows, lists that agree, documents that are true."""
