"""What the desk asks before an order that interrupts somebody or cannot be taken back."""

from app.domain.vocabulary import Order

#: `{identity}` is the station's.
QUESTIONS: dict[Order, str] = {
    Order.STOP_CHARGING: "Stop this session? The driver's car stops charging and gets its bill.",
    Order.RESET: "Restart {identity}? Its running sessions end.",
    Order.UNLOCK: "Unlock it? A session there may end, and the cable comes free.",
    Order.SET_AVAILABILITY: "Change the availability of {identity}? Out of service, "
    "nobody can charge there.",
    Order.CLEAR_CACHE: "Let {identity} forget all tags it remembers?",
    Order.DISCONNECT: "End the connection of {identity}? It comes back by itself; its sessions "
    "go on.",
    Order.CHANGE_SETTING: "Change this setting of {identity}? A wrong value can take it offline.",
    Order.SET_NETWORK_PROFILE: "Change how {identity} connects? A wrong value takes it offline "
    "until somebody drives there.",
    Order.CLEAR_MONITORS: "Remove these monitors from {identity}?",
    Order.SEND_LOCAL_LIST: "Replace what {identity} knows of tags while it is offline?",
    Order.CANCEL_RESERVATION: "Cancel this reservation? Its driver may find the plug taken.",
    Order.SET_PROFILE: "Limit charging at {identity}? Cars there may charge slower at once.",
    Order.CLEAR_PROFILE: "Remove these charging profiles from {identity}? Cars there may draw "
    "full power at once.",
    Order.SET_DER_CONTROL: "Change how {identity} behaves on the grid?",
    Order.CLEAR_DER_CONTROL: "Remove these controls from {identity}?",
    Order.UPDATE_FIRMWARE: "Update the firmware of {identity}? Nobody can charge there meanwhile.",
    Order.UNPUBLISH_FIRMWARE: "Stop {identity} from offering this firmware to its neighbours?",
    Order.READ_CUSTOMER_INFORMATION: "Ask {identity} about a customer? With “clear” it forgets "
    "what it knows, for ever.",
    Order.INSTALL_CERTIFICATE: "Install this certificate at {identity}? A wrong one can take it "
    "offline.",
    Order.DELETE_CERTIFICATE: "Delete this certificate from {identity}? Without the right ones it "
    "cannot connect any more.",
    Order.CHANGE_PASSWORD: "Give {identity} a new password?",
    Order.CLEAR_MESSAGE: "Take this message off the display of {identity}?",
    Order.CLEAR_TARIFFS: "Remove these tariffs from {identity}?",
    Order.CHANGE_TRANSACTION_TARIFF: "Change the price of a session that is running?",
    Order.RAW: "Send this to {identity} as it is written?",
}
