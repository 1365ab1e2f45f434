"""What the business means: functions over an open SQLAlchemy session.

They flush, never commit, read no clock (`now` is an argument) and know neither
Flask nor an OCPP version.
"""
