// The event stream: reconnects for ever, and knows when the server was last heard.

// The server beats every 2 s; silence longer than this means cut off.
const SILENT_MS = 10_000;
const RETRY_MS = 2_000;

export class Live {
  #source;
  #retry;
  #heard = performance.now();
  // Server clock minus ours, µs.
  skewUs = 0;

  constructor(handlers) {
    this.handlers = handlers;
    // A page that comes back from sleep has a dead stream without an error: open it anew.
    this.watch = setInterval(() => {
      if (this.silentMs() > SILENT_MS && this.#source?.readyState !== EventSource.CONNECTING) this.open(this.url);
    }, 5_000);
  }

  open(url) {
    const isAgain = url === this.url;
    this.close();
    this.url = url;
    const source = new EventSource(url);
    this.#source = source;
    // The first time the page has just fetched everything; later ones follow a break.
    let opened = isAgain;
    source.onopen = () => {
      if (opened) this.handlers.reopened?.();
      opened = true;
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED && source === this.#source) {
        this.#retry = setTimeout(() => this.open(url), RETRY_MS);
      }
    };
    // The session is over: loading the page leads to the sign-in.
    source.addEventListener("ended", () => {
      this.close();
      location.reload();
    });
    for (const name of ["beat", "lines", "list", "head", "points", "sparks", "reload"]) {
      source.addEventListener(name, (event) => {
        this.#heard = performance.now();
        const content = JSON.parse(event.data);
        if (content.now_us) this.skewUs = content.now_us - Date.now() * 1000;
        this.handlers[name]?.(content);
      });
    }
  }

  close() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = undefined;
  }

  // Now on the server's clock, µs.
  nowUs() {
    return Date.now() * 1000 + this.skewUs;
  }

  silentMs() {
    return performance.now() - this.#heard;
  }

  isCutOff() {
    return this.silentMs() > SILENT_MS;
  }
}
