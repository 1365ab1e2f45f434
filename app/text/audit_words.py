"""The words in which the audit tells what was done to what, and what of it changed.

They are those of the code, so that an entry says the same for ever: pages put them into the
reader's language, word by word.
"""

from typing import Any

from app.domain.ground.texts import N_
from app.text.sentences import translated, word

#: What of a row changed: the names of columns, blanks between their words.
COLUMNS = (
    N_("acknowledged at"), N_("acknowledged by"), N_("action"), N_("added"), N_("address"),
    N_("answer"), N_("answered at"), N_("approved at"), N_("archived at"), N_("arguments"),
    N_("asked at"), N_("assigned to id"), N_("at once"), N_("attempts"), N_("beat at"),
    N_("began at"), N_("begun at"), N_("bill after"), N_("bill id"), N_("billing"),
    N_("boot raw"), N_("booted registration"), N_("by"), N_("changed"), N_("changed at"),
    N_("claimed at"), N_("claimed started at"), N_("clock offset at"), N_("clock offset s"),
    N_("cleared"), N_("clock samples"),
    N_("closed at"), N_("closed by"), N_("command id"), N_("component"),
    N_("component instance"), N_("concurrent limit"), N_("connected at"),
    N_("connection id"), N_("connector"), N_("corrected energy wh"), N_("corrects id"),
    N_("count"), N_("created at"), N_("created by"), N_("credential id"), N_("csr"),
    N_("currency"), N_("days"), N_("decided at"), N_("decided by"), N_("decided minor"),
    N_("decided wh"), N_("decision"), N_("definition"), N_("digest"), N_("disabled at"),
    N_("disabled why"), N_("disconnected at"), N_("document"), N_("done"), N_("done at"),
    N_("done by"), N_("done note"), N_("driver id"), N_("duration s"), N_("email"),
    N_("ended at"), N_("energy wh"), N_("error"), N_("errors"), N_("escalate after"),
    N_("escalate to"), N_("escalated at"), N_("events"), N_("every"), N_("evse"),
    N_("expires at"), N_("facts"), N_("failing since"), N_("file format"), N_("file name"),
    N_("filter"), N_("fingerprint"), N_("firmware"), N_("first register wh"), N_("flags"),
    N_("forgotten at"), N_("formats"), N_("goes on"), N_("gross minor"), N_("group id"),
    N_("group token"), N_("hash algorithm"), N_("hint"), N_("iccid"), N_("identity"),
    N_("idle from readings"), N_("idle since"), N_("imsi"), N_("in transaction only"),
    N_("instance"), N_("is default"), N_("issued at"), N_("issued by"), N_("issuer"),
    N_("issuer key hash"), N_("issuer name hash"), N_("kept from"), N_("key file"), N_("kind"),
    N_("label"),
    N_("language"), N_("last boot at"), N_("last event at"), N_("last power w"),
    N_("last reading at"), N_("last register wh"), N_("last seen at"), N_("last seq no"),
    N_("last sign in at"), N_("last soc percent"), N_("last used at"),
    N_("late below minor"), N_("late evidence at"), N_("latency ms"), N_("latitude"),
    N_("least duration s"), N_("least energy wh"), N_("left out"), N_("longitude"),
    N_("made at"), N_("mail to"), N_("master pass"), N_("max power w"), N_("md5"),
    N_("message id"), N_("meter serial"), N_("meter start wh"), N_("meter stop wh"),
    N_("meter type"), N_("minutes"), N_("mode"), N_("model"), N_("name"), N_("narrowed to"),
    N_("net minor"), N_("next password at"), N_("next password hash"), N_("next run at"),
    N_("next try at"), N_("no show"), N_("no show why"), N_("node"),
    N_("note"), N_("noted at"), N_("noted by"), N_("number"),
    N_("oidc issuer"), N_("oidc subject"), N_("old secret"), N_("old secret until"),
    N_("onboarding"), N_("opened at"), N_("order"), N_("outcome"), N_("outside"),
    N_("over told at"),
    N_("own role id"), N_("owner id"), N_("parent"), N_("password hash"),
    N_("password proof"), N_("payload"), N_("pem"), N_("photo"), N_("place"),
    N_("plug type"), N_("connectors"), N_("previous digest"), N_("prices"),
    N_("proof"), N_("protocol"), N_("provisional"),
    N_("public key"), N_("quiet from"), N_("quiet until"), N_("quirks"), N_("reason"),
    N_("reasons"), N_("reboot required"),
    N_("received at"), N_("recipient"), N_("recipients"), N_("registration"),
    N_("remote command id"), N_("request"), N_("request id"), N_("requested at"),
    N_("requested by"), N_("reservation id"), N_("retry at"), N_("revision"),
    N_("revoked at"), N_("rights"), N_("role"), N_("rule id"), N_("schedule id"),
    N_("second factor"), N_("secret"), N_("security profile"), N_("seller address"),
    N_("seller contact"), N_("seller name"), N_("seller tax number"), N_("sent at"),
    N_("sentence"), N_("sequence"), N_("serial"), N_("serial number"), N_("session id"),
    N_("set by"), N_("settled at"), N_("severity"), N_("sha256"), N_("signature"),
    N_("signing certificate"), N_("site id"), N_("site ids"), N_("sites"), N_("size bytes"),
    N_("snoozed until"), N_("start key"), N_("start received at"), N_("started at"),
    N_("starts at"), N_("state"), N_("statements"), N_("station id"), N_("stations"),
    N_("status"), N_("stop percent"), N_("stop reason"), N_("stop received at"),
    N_("stop token"), N_("stop word"), N_("stored as"), N_("stream"),
    N_("stream interval s"), N_("stream opened at"), N_("stream values"), N_("subject"),
    N_("supply limit kw"), N_("supported orders"), N_("tag id"), N_("tariff id"),
    N_("tariff version id"), N_("tariff why"), N_("tax minor"), N_("text"), N_("theme"),
    N_("timezone"), N_("token"), N_("token hash"), N_("token kind"), N_("told at"),
    N_("total"), N_("totp secret"), N_("totp since"), N_("transaction ref"), N_("ttl s"),
    N_("unauthorised"), N_("url"), N_("use"), N_("user id"), N_("username alias"),
    N_("valid from"), N_("valid until"), N_("validation"), N_("value"), N_("variable"),
    N_("vendor"), N_("version"), N_("wanted"), N_("wanted at"),
    N_("weighed apart wh"), N_("what"), N_("withdrawn at"),
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
