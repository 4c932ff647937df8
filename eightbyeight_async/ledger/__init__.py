"""One ledger in PostgreSQL for many processes: a message is claimed in the database before it is sent.

Needs the extra `[ledger]` (psycopg).
"""
