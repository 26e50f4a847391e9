"""What is left after something broke under load."""
