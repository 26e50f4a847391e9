"""Lists, searches, exports, unsubscribes and erases subscribers."""
