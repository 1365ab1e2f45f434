"""One thin translator per version of OCPP: wire names in, operations of the domain out.

No rule of the business lives here.  Each version's folder says first what it hears
and what it can put (`Dialect`); its chapters hold the handlers and encoders.
"""
