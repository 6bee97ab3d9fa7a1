import { describe, expect, test } from "vitest";

import { Problem } from "@/api/problem";
import type { Said } from "@/features/chat/api";
import { isOver, type Turn } from "@/features/chat/turn";
import { Turns } from "@/features/chat/turns";

interface Call {
  readonly path: string;
  readonly said?: Said;
  readonly key?: string;
  readonly lastEventId?: string;
}

type Answer = Response | Problem;

/** A server that gives the answers in order, and remembers what it was asked. */
function serverOf(...answers: Answer[]) {
  const calls: Call[] = [];
  const ended: Turn[] = [];

  async function answerTo(call: Call): Promise<Response> {
    calls.push(call);
    const answer = answers.shift();
    if (answer === undefined) {
      throw new Error(`nothing left to answer ${call.path}`);
    }
    if (answer instanceof Problem) {
      throw answer;
    }
    return answer;
  }

  const turns = new Turns({
    say: (session, said, key) => answerTo({ path: `say ${session}`, said, key }),
    follow: (id, lastEventId) => answerTo({ path: `follow ${id}`, lastEventId }),
    stop: async (id) => void (await answerTo({ path: `stop ${id}` })),
    wait: () => Promise.resolve(),
    newKey: () => "key-1",
    tellEveryMs: 0,
  });
  turns.onEnd = (turn) => ended.push(turn);
  return { turns, calls, ended };
}

let lastId = 0;

function event(name: string, data: unknown): string {
  lastId += 1;
  return `id: ${lastId}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function stream(...events: string[]): Response {
  const headers = { "content-type": "text/event-stream", "x-nova-stream": "s-1" };
  return new Response(events.join(""), { headers });
}

const START = event("start", { stream: "s-1", session: "a", position: 4 });
const HELLO = event("delta", { text: "Hello " });
const helloId = lastId;
const WORLD = event("delta", { text: "world" });
const DONE = event("done", { position: 5, stop_reason: "end", usage: {} });
const LOST = new Problem({ status: 0, code: "unreachable", message: "lost" });

describe("a turn", () => {
  test("is followed to its end", async () => {
    const { turns, calls, ended } = serverOf(stream(START, HELLO, WORLD, DONE));
    await turns.send("a", "Hi", { model: "m", memory: false });
    expect(turns.get("a")).toMatchObject({
      phase: "done",
      text: "Hello world",
      questionPosition: 4,
      answerPosition: 5,
    });
    expect(calls[0]).toMatchObject({
      path: "say a",
      said: { text: "Hi", model: "m", memory: false },
    });
    expect(ended).toHaveLength(1);
  });

  test("whose connection is lost goes on from the last event that came", async () => {
    const { turns, calls } = serverOf(stream(START, HELLO), LOST, stream(WORLD, DONE));
    await turns.send("a", "Hi");
    expect(turns.get("a")).toMatchObject({ phase: "done", text: "Hello world" });
    expect(calls.map((call) => call.path)).toEqual(["say a", "follow s-1", "follow s-1"]);
    expect(calls[2]?.lastEventId).toBe(String(helloId));
  });

  test("that may not have arrived is sent again under the same key", async () => {
    const { turns, calls } = serverOf(LOST, stream(START, DONE));
    await turns.send("a", "Hi");
    expect(calls.map((call) => call.key)).toEqual(["key-1", "key-1"]);
    expect(turns.get("a")?.phase).toBe("done");
  });

  test("that is refused is not tried again, and says why", async () => {
    const refusal = new Problem({ status: 429, code: "quota_spent", message: "spent" });
    const { turns, calls, ended } = serverOf(refusal);
    await turns.send("a", "Hi");
    expect(turns.get("a")).toMatchObject({ phase: "failed", problem: refusal, question: "Hi" });
    expect(calls).toHaveLength(1);
    expect(ended).toHaveLength(1);
  });

  test("ends with what the server's error event says", async () => {
    const error = { error: { code: "model_unavailable", message: "The model is not there.", hint: "h" } };
    const { turns } = serverOf(stream(START, HELLO, event("error", error)));
    await turns.send("a", "Hi");
    const turn = turns.get("a");
    expect(turn?.problem).toMatchObject({ code: "model_unavailable", hint: "h" });
    expect(turn?.text).toBe("Hello ");
  });

  test("gives up on a server that stays away", async () => {
    const { turns } = serverOf(stream(START), ...Array.from({ length: 20 }, () => LOST));
    await turns.send("a", "Hi");
    expect(turns.get("a")?.phase).toBe("failed");
  });

  test("is picked up after a reload, from its first event", async () => {
    const { turns, calls } = serverOf(stream(START, HELLO, WORLD, DONE));
    await turns.resume("a", "s-1");
    expect(turns.get("a")).toMatchObject({ phase: "done", text: "Hello world", question: null });
    expect(calls[0]).toEqual({ path: "follow s-1", lastEventId: "" });
  });

  test("whose stream is gone fails, and says so", async () => {
    const gone = new Problem({ status: 404, code: "stream_unknown", message: "gone" });
    const { turns } = serverOf(gone);
    await turns.resume("a", "s-1");
    expect(turns.get("a")).toMatchObject({ phase: "failed", problem: gone });
  });

  test("is stopped by an explicit call, once", async () => {
    const { turns, calls } = serverOf(stream(START, HELLO), new Response(null, { status: 202 }));
    let stopping: Promise<void> | undefined;
    turns.subscribe(() => {
      const turn = turns.get("a");
      if (turn?.stream && !isOver(turn)) {
        stopping ??= turns.stop("a");
      }
    });
    const sent = turns.send("a", "Hi");
    await sent;
    await stopping;
    expect(calls.filter((call) => call.path === "stop s-1")).toHaveLength(1);
  });

  test("that is to stop before its stream is known is stopped as soon as it is", async () => {
    const { turns, calls } = serverOf(stream(START, DONE), new Response(null, { status: 202 }));
    const sent = turns.send("a", "Hi");
    const stopping = turns.stop("a");
    expect(turns.get("a")).toMatchObject({ stream: null, isStopping: true });
    await Promise.all([sent, stopping]);
    expect(calls.map((call) => call.path)).toEqual(["say a", "stop s-1"]);
  });

  test("does not begin beside another one of its session", async () => {
    const { turns, calls } = serverOf(stream(START, DONE), stream(START, DONE));
    await Promise.all([turns.send("a", "one"), turns.send("a", "two")]);
    expect(calls).toHaveLength(1);
  });

  test("keeps what came with it, and passes by events it does not know", async () => {
    const { turns } = serverOf(
      stream(
        START,
        event("recall", { hits: [{ session: "b", position: 1, text: "the boat" }] }),
        event("view", { left_out: 3 }),
        event("tomorrow", { anything: 1 }),
        event("notice", { text: "The other model answers." }),
        event("thinking", { text: "Hm." }),
        DONE,
      ),
    );
    await turns.send("a", "Hi");
    expect(turns.get("a")).toMatchObject({
      recalled: [{ session: "b", position: 1, text: "the boat" }],
      leftOut: 3,
      notices: ["The other model answers."],
      thinking: "Hm.",
    });
  });
});
