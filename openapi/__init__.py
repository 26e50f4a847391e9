"""The OpenAPI document, generated from the functions' endpoints, schemas and declared answers.

`python -m openapi` writes it. Not deployed: the functions serve the committed file.
"""
