"""What a process has once: threads, breakers, bounded maps, waits and the garbage collector."""
