"""Subscribers: listed, searched, exported, unsubscribed and erased."""
