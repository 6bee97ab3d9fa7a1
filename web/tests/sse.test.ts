import { describe, expect, test } from "vitest";

import { EventParser, eventsOf, type ServerEvent } from "@/api/sse";

function parse(...pieces: string[]): ServerEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

const WHOLE = 'id: 7\nevent: delta\ndata: {"text":"a"}\n\n';

describe("server-sent events", () => {
  test("an event has its id, its name and its data", () => {
    expect(parse(WHOLE)).toEqual([{ id: "7", event: "delta", data: '{"text":"a"}' }]);
  });

  test("it does not matter where the pieces are cut", () => {
    for (let cut = 0; cut <= WHOLE.length; cut += 1) {
      expect(parse(WHOLE.slice(0, cut), WHOLE.slice(cut))).toEqual(parse(WHOLE));
    }
    expect(parse(...WHOLE)).toEqual(parse(WHOLE));
  });

  test("lines may end in any of the three ways, also cut between CR and LF", () => {
    expect(parse(WHOLE.replaceAll("\n", "\r"))).toEqual(parse(WHOLE));
    const windows = WHOLE.replaceAll("\n", "\r\n");
    for (let cut = 0; cut <= windows.length; cut += 1) {
      expect(parse(windows.slice(0, cut), windows.slice(cut))).toEqual(parse(WHOLE));
    }
  });

  test("heartbeats are no events", () => {
    expect(parse(": still here\n\n", WHOLE, ":\n\n")).toHaveLength(1);
  });

  test("several lines of data are one text", () => {
    expect(parse("data: one\ndata:\ndata:  two\n\n")[0]?.data).toBe("one\n\n two");
  });

  test("what no empty line has closed is not an event yet", () => {
    expect(parse("data: half\n")).toEqual([]);
  });

  test("an id stays for the events after it, one with NUL is passed by", () => {
    const events = parse("id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\n");
    expect(events.map((event) => event.id)).toEqual(["1", "1", "1"]);
  });

  test("a byte order mark at the start is no part of the first line", () => {
    expect(parse("\uFEFFdata: a\n\n")[0]?.data).toBe("a");
  });

  test("a character that is cut between two chunks of bytes comes whole", async () => {
    const bytes = new TextEncoder().encode("data: Zażółć 🛶\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) {
          controller.enqueue(new Uint8Array([byte]));
        }
        controller.close();
      },
    });
    const events: ServerEvent[] = [];
    for await (const event of eventsOf(body)) {
      events.push(event);
    }
    expect(events.map((event) => event.data)).toEqual(["Zażółć 🛶"]);
  });

  test("who stops reading closes the connection", async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode("data: a\n\n")),
      cancel: () => {
        isCancelled = true;
      },
    });
    for await (const event of eventsOf(body)) {
      expect(event.data).toBe("a");
      break;
    }
    expect(isCancelled).toBe(true);
  });
});
