"""What keeps a database as it should be, in batches beside traffic: retention, recount, moves."""
