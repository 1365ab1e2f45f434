"""The words in which the audit tells what was done to what, and what of it changed.

They are those of the code, so that an entry says the same for ever: pages put them into the
reader's language, word by word.
"""

from typing import Any

from app.domain.ground.texts import N_
from app.text.sentences import translated, word

#: What of a row changed, beside the columns of the tables that it is mostly about: those have
#: their words from `docs/texts.py`.
COLUMNS = (
    N_("approved at"), N_("changed at"), N_("cleared"), N_("component"), N_("component instance"),
    N_("connectors"), N_("count"), N_("created at"), N_("credential id"), N_("csr"),
    N_("definition"), N_("done at"), N_("done by"), N_("done note"), N_("fingerprint"),
    N_("hash algorithm"), N_("idle from readings"), N_("in transaction only"), N_("instance"),
    N_("issuer"), N_("issuer key hash"), N_("issuer name hash"), N_("key file"),
    N_("late below minor"), N_("least duration s"), N_("least energy wh"), N_("made at"),
    N_("noted at"), N_("noted by"), N_("outcome"), N_("payload"), N_("pem"), N_("photo"),
    N_("prices"), N_("public key"), N_("reboot required"), N_("received at"), N_("request id"),
    N_("second factor"), N_("serial number"), N_("set by"), N_("severity"), N_("sites"),
    N_("starts at"), N_("stations"), N_("stream"), N_("stream interval s"),
    N_("stream opened at"), N_("stream values"), N_("use"), N_("valid from"), N_("valid until"),
    N_("variable"), N_("wanted"), N_("wanted at"), N_("withdrawn at"),
)  # fmt: skip
#: What an action is made of: what it was done to, and what was done.
ACTIONS = (
    N_("acknowledge"), N_("add"), N_("alert"), N_("alert rule"), N_("answer"), N_("approve"),
    N_("archive"), N_("assign"), N_("attention"), N_("authority"), N_("bill"), N_("block"),
    N_("broadcast"), N_("bundle"), N_("cancel"), N_("certificate"), N_("charging profile"),
    N_("close"), N_("command"), N_("correct"), N_("create"), N_("customer information"),
    N_("decide"), N_("default"), N_("delete"), N_("device"), N_("disable"), N_("dismiss"),
    N_("driver"), N_("edit"), N_("enable"), N_("erase"), N_("export"), N_("fault"),
    N_("fault done"), N_("filter"), N_("firmware"), N_("forget"), N_("invite"), N_("issue"),
    N_("job"),
    N_("keep"), N_("link provider"), N_("local list"), N_("machine"), N_("monitor"),
    N_("onboarding"), N_("organisation"), N_("passkey"), N_("password"), N_("question"),
    N_("receipt"), N_("recovery code used"), N_("recovery codes"), N_("refund"),
    N_("refuse"), N_("register"), N_("registration"), N_("remove"), N_("replay"),
    N_("report schedule"), N_("resend"), N_("reservation"), N_("restore"), N_("review"),
    N_("revoke"), N_("role"), N_("rotate"), N_("run"), N_("save"), N_("second factor off"),
    N_("second factor on"), N_("second factor reset"), N_("seen"), N_("session"),
    N_("set password"), N_("setting"), N_("sign"), N_("sign in"), N_("sign out"),
    N_("sign out everywhere"), N_("site"), N_("start"), N_("statement"), N_("station"),
    N_("stray stop"), N_("support bundle"), N_("tag"), N_("tag group"), N_("tariff"),
    N_("tenant"), N_("test"),
    N_("token"), N_("unblock"), N_("user"), N_("webhook"), N_("withdraw"),
    N_("withdraw invitation"),
)  # fmt: skip
#: Who acts where no person does.
ACTORS = (N_("command line"), N_("system"))
#: Columns that hold what the business said; others hold words of it, and what people gave.
_SENTENCES = {"disabled_why", "error", "errors", "no_show_why", "prices", "sentence", "tariff_why"}


def value(given: Any, column: str) -> Any:
    """One value of a column in the reader's language: names that people gave stay as they are."""
    return (translated if column in _SENTENCES or given in ACTORS else word)(given)
