/** One event of a server-sent stream. */
export interface ServerEvent {
  /** The last id seen up to and with this event; empty before the first. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/**
 * Reads server-sent events out of text that comes in pieces cut anywhere.
 *
 * It follows the HTML standard (section "Interpreting an event stream"): lines end in CR, LF or
 * both, comments are passed by, several `data` lines make one text, an id with NUL is ignored, and
 * what no empty line closed is not an event.
 */
export class EventParser {
  #rest = "";
  #isFirst = true;
  #endedInCarriageReturn = false;
  #id = "";
  #event = "";
  #data: string[] = [];

  /** The events that `piece` completes. */
  push(piece: string): ServerEvent[] {
    let text = piece;
    if (this.#isFirst && text !== "") {
      this.#isFirst = false;
      text = text.startsWith("\uFEFF") ? text.slice(1) : text;
    }
    if (this.#endedInCarriageReturn && text.startsWith("\n")) {
      text = text.slice(1);
    }
    if (piece !== "") {
      this.#endedInCarriageReturn = piece.endsWith("\r");
    }
    const lines = (this.#rest + text).split(/\r\n|\r|\n/);
    this.#rest = lines.pop() ?? "";
    const events: ServerEvent[] = [];
    for (const line of lines) {
      const event = this.#take(line);
      if (event) {
        events.push(event);
      }
    }
    return events;
  }

  #take(line: string): ServerEvent | null {
    if (line === "") {
      return this.#close();
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? "" : line.slice(colon + 1);
    const value = raw.startsWith(" ") ? raw.slice(1) : raw;
    if (field === "data") {
      this.#data.push(value);
    } else if (field === "event") {
      this.#event = value;
    } else if (field === "id" && !value.includes("\0")) {
      this.#id = value;
    }
    return null;
  }

  #close(): ServerEvent | null {
    const data = this.#data;
    const event = this.#event || "message";
    this.#data = [];
    this.#event = "";
    return data.length === 0 ? null : { id: this.#id, event, data: data.join("\n") };
  }
}

/** The events of a response's body, as they come; cancels the body where reading is broken off. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        return;
      }
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
