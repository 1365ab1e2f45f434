"""Every version that is spoken, and its dialect."""

from worker.dialects.records import Dialect
from worker.dialects.v16 import DIALECT as V16
from worker.dialects.v21 import DIALECT as V21
from worker.dialects.v201 import DIALECT as V201
from worker.ocpp.versions import Version

DIALECTS: dict[Version, Dialect] = {one.version: one for one in (V16, V201, V21)}
