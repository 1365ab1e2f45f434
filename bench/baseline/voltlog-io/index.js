// The baseline runs with logging off, so nothing of a logger is ever called.
const silent = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

export const createLogger = () => silent;
export const consoleTransport = () => ({});
export const prettyTransport = () => ({});
