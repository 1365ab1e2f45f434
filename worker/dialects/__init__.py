"""One thin translator per version of OCPP: wire names in, operations of the domain out.

No rule of the business lives here.  Each version's folder has the same files;
`routing.py` is its table: action -> handler, order -> encoder.
"""
