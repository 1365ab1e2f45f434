"""One thin translator per version of OCPP: wire names in, operations of the domain out.

No rule of the business lives here.  Each version's folder says first what it hears
and what it can put (`Dialect`); its chapters hold the handlers and encoders.
"""

from worker.dialects.records import Dialect
from worker.dialects.v16 import DIALECT as V16
from worker.dialects.v21 import DIALECT as V21
from worker.dialects.v201 import DIALECT as V201
from worker.ocpp.versions import Version

DIALECTS: dict[Version, Dialect] = {one.version: one for one in (V16, V201, V21)}
