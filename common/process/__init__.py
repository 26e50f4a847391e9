"""Per-process state: threads, breakers, bounded maps, waits and the garbage collector."""
