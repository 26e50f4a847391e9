"""The domain that several functions share: active popups, events, API keys and the fields of their schemas."""
