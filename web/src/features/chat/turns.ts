import { Problem, problemOf } from "@/api/problem";
import { eventsOf } from "@/api/sse";
import type { follow, say, stop } from "@/features/chat/api";
import { after, isOver, newTurn, type Turn } from "@/features/chat/turn";

/**
 * The turns under way in this tab, by session. They go on while the person looks at another page.
 *
 * A lost connection is taken up again from the last event that came; only the server's `done` or
 * `error` ends a turn, or a stream that the server no longer has.
 */

export interface TurnOptions {
  readonly model?: string | undefined;
  readonly memory?: boolean | undefined;
}

/** What the turns need of the world; tests give their own. */
export interface TurnWorld {
  readonly say: typeof say;
  readonly follow: typeof follow;
  readonly stop: typeof stop;
  readonly wait: (ms: number) => Promise<void>;
  readonly newKey: () => string;
  /** Changes are told at most this often: drawing each word alone would waste the battery. */
  readonly tellEveryMs: number;
}

const RETRIES_MAX = 8;
const BACK_OFF_MS_MAX = 8_000;

type Opener = () => Promise<Response>;

export class Turns {
  readonly #turns = new Map<string, Turn>();
  readonly #listeners = new Set<() => void>();
  readonly #world: TurnWorld;
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** Called once with each turn that has ended. */
  onEnd: (turn: Turn) => void = () => undefined;

  constructor(world: TurnWorld) {
    this.#world = world;
  }

  get(session: string): Turn | undefined {
    return this.#turns.get(session);
  }

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Sends what a person wrote and follows the answer to its end. */
  async send(session: string, text: string, options: TurnOptions = {}): Promise<void> {
    const running = this.#turns.get(session);
    if (running && !isOver(running)) {
      return;
    }
    this.#put(newTurn(session, text), true);
    const key = this.#world.newKey();
    const said = { text, model: options.model ?? "", memory: options.memory ?? true };
    await this.#follow(session, () => this.#world.say(session, said, key));
  }

  /** Follows an answer that was begun elsewhere: before a reload, or in another tab. */
  async resume(session: string, stream: string): Promise<void> {
    const running = this.#turns.get(session);
    if (running && (!isOver(running) || running.stream === stream)) {
      return;
    }
    this.#put({ ...newTurn(session, null), stream }, true);
    await this.#follow(session, () => this.#reopen(session));
  }

  /** Asks the server to stop; what was said until then stays. */
  async stop(session: string): Promise<void> {
    const turn = this.#turns.get(session);
    if (!turn || isOver(turn) || turn.isStopping) {
      return;
    }
    this.#put({ ...turn, isStopping: true }, true);
    // Where the server has not said yet which stream it is, `#named` asks as soon as it has.
    if (turn.stream) {
      await this.#askToStop(session, turn.stream);
    }
  }

  async #askToStop(session: string, stream: string): Promise<void> {
    try {
      await this.#world.stop(stream);
    } catch (error) {
      const now = this.#turns.get(session);
      if (now && !isOver(now)) {
        this.#put({ ...now, isStopping: false }, true);
      }
      throw problemOf(error);
    }
  }

  /** Takes an ended turn away: its messages are in the journal and have been fetched. */
  clear(session: string): void {
    this.#turns.delete(session);
    this.#tell(true);
  }

  clearAll(): void {
    this.#turns.clear();
    this.#tell(true);
  }

  #reopen(session: string): Promise<Response> {
    const turn = this.#turns.get(session);
    if (!turn?.stream) {
      throw new Problem({ status: 404, code: "stream_lost", message: "The answer was lost." });
    }
    return this.#world.follow(turn.stream, turn.lastEventId);
  }

  async #follow(session: string, first: Opener): Promise<void> {
    let opener = first;
    for (let attempt = 0; ; attempt += 1) {
      const before = this.#turns.get(session)?.lastEventId;
      const problem = await this.#read(session, opener);
      const turn = this.#turns.get(session);
      if (!turn || isOver(turn)) {
        return;
      }
      if (problem && !isWorthRetrying(problem)) {
        return this.#fail(turn, problem);
      }
      if (turn.lastEventId !== before) {
        attempt = 0;
      }
      if (attempt >= RETRIES_MAX) {
        return this.#fail(turn, problem ?? LOST);
      }
      // Without a stream's id the same request goes out again: its key makes that one turn.
      opener = turn.stream ? () => this.#reopen(session) : first;
      this.#put({ ...turn, phase: turn.stream ? "reconnecting" : turn.phase }, true);
      await this.#world.wait(Math.min(BACK_OFF_MS_MAX, 250 * 2 ** attempt));
    }
  }

  /** Applies what one response brings; returns the problem that broke it off, if one did. */
  async #read(session: string, opener: Opener): Promise<Problem | null> {
    try {
      const response = await opener();
      if (!response.body) {
        return LOST;
      }
      this.#named(session, response.headers.get("x-nova-stream"));
      for await (const event of eventsOf(response.body)) {
        const turn = this.#turns.get(session);
        if (!turn) {
          return null;
        }
        const next = after(turn, event);
        this.#put(next, isOver(next) || next.phase !== turn.phase);
        if (isOver(next)) {
          this.onEnd(next);
          return null;
        }
      }
      return null;
    } catch (error) {
      return problemOf(error);
    }
  }

  /** The server has said which stream it is: from now on it can be followed, and stopped. */
  #named(session: string, stream: string | null): void {
    const turn = this.#turns.get(session);
    if (turn && stream && !turn.stream) {
      this.#put({ ...turn, stream }, false);
      if (turn.isStopping) {
        this.#askToStop(session, stream).catch(() => undefined);
      }
    }
  }

  #fail(turn: Turn, problem: Problem): void {
    const ended: Turn = { ...turn, phase: "failed", problem };
    this.#put(ended, true);
    this.onEnd(ended);
  }

  #put(turn: Turn, isUrgent: boolean): void {
    this.#turns.set(turn.session, turn);
    this.#tell(isUrgent);
  }

  #tell(isUrgent: boolean): void {
    if (isUrgent) {
      if (this.#timer !== null) {
        clearTimeout(this.#timer);
        this.#timer = null;
      }
      this.#callListeners();
    } else {
      this.#timer ??= setTimeout(() => {
        this.#timer = null;
        this.#callListeners();
      }, this.#world.tellEveryMs);
    }
  }

  #callListeners(): void {
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

const LOST = new Problem({
  status: 0,
  code: "connection_lost",
  message: "The connection was lost before the answer was complete.",
  hint: "What was said is kept. Load the conversation again to see it.",
});

/** A network that went away, or a server that has a moment of weakness. */
function isWorthRetrying(problem: Problem): boolean {
  return problem.isOffline || problem.status === 502 || problem.status === 504;
}
