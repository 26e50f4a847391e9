"""The OpenAPI document: made from the functions' own endpoints and schemas, and from a table of what they answer.

`python -m openapi` writes it. Not deployed: the functions serve the file that is committed.
"""
