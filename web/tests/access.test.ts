import { describe, expect, test } from "vitest";

import { AccessKeeper, type AccessMessage, type AccessWorld } from "@/api/access";

interface Who {
  readonly email: string;
}

/** One browser with a server behind it: tabs share the lock and hear each other. */
class Browser {
  nowMs = 1_000_000;
  isKnown = true;
  refreshes = 0;
  answer: () => Response = () => this.fresh();
  readonly tabs: AccessKeeper<Who>[] = [];
  #queue: Promise<unknown> = Promise.resolve();

  fresh(): Response {
    return Response.json({
      access_token: `token-${this.refreshes}`,
      expires_in_s: 900,
      account: { email: "ada@example.org" },
    });
  }

  openTab(): AccessKeeper<Who> {
    const others = () => this.tabs.filter((other) => other !== tab);
    const world: AccessWorld = {
      refresh: async () => {
        this.refreshes += 1;
        await Promise.resolve();
        return this.answer();
      },
      nowMs: () => this.nowMs,
      alone: (work) => {
        const mine = this.#queue.then(work);
        this.#queue = mine.catch(() => undefined);
        return mine;
      },
      tell: (message: AccessMessage) => others().forEach((other) => other.hear(message)),
      hint: { read: () => this.isKnown, write: (isKnown) => void (this.isKnown = isKnown) },
    };
    const tab = new AccessKeeper<Who>(world, () => undefined);
    this.tabs.push(tab);
    return tab;
  }
}

describe("the access token", () => {
  test("many requests that need a token at once ask the server once", async () => {
    const browser = new Browser();
    const tab = browser.openTab();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => tab.token()));
    expect(new Set(tokens)).toEqual(new Set(["token-1"]));
    expect(browser.refreshes).toBe(1);
  });

  test("tabs that all find the token stale ask the server once between them", async () => {
    const browser = new Browser();
    const tabs = [browser.openTab(), browser.openTab(), browser.openTab()];
    await tabs[0]?.start();
    const stale = await tabs[0]?.token();
    const renewed = await Promise.all(tabs.map((tab) => tab.renew(stale ?? "")));
    expect(new Set(renewed.map((access) => access?.token))).toEqual(new Set(["token-2"]));
    expect(browser.refreshes).toBe(2);
  });

  test("it is renewed before it ends, not after", async () => {
    const browser = new Browser();
    const tab = browser.openTab();
    expect(await tab.token()).toBe("token-1");
    browser.nowMs += 870_000;
    expect(await tab.token()).toBe("token-1");
    browser.nowMs += 15_000;
    expect(await tab.token()).toBe("token-2");
  });

  test("a refused renewal signs out, and asks no second time", async () => {
    const browser = new Browser();
    const tab = browser.openTab();
    browser.answer = () => Response.json({ error: { code: "session_ended" } }, { status: 401 });
    expect(await tab.start()).toBe("signed-out");
    expect(await tab.token()).toBeNull();
    expect(browser.refreshes).toBe(1);
    expect(browser.isKnown).toBe(false);
  });

  test("a lost network signs nobody out", async () => {
    const browser = new Browser();
    const tab = browser.openTab();
    browser.answer = () => {
      throw new TypeError("Failed to fetch");
    };
    await expect(tab.start()).rejects.toMatchObject({ code: "unreachable" });
    expect(tab.standing).toBe("unknown");
    browser.answer = () => browser.fresh();
    expect(await tab.start()).toBe("signed-in");
  });

  test("a server that has a bad moment signs nobody out", async () => {
    const browser = new Browser();
    const tab = browser.openTab();
    browser.answer = () => new Response("busy", { status: 503 });
    await expect(tab.start()).rejects.toMatchObject({ status: 503 });
    expect(browser.isKnown).toBe(true);
  });

  test("a browser that never signed in asks nothing", async () => {
    const browser = new Browser();
    browser.isKnown = false;
    expect(await browser.openTab().start()).toBe("signed-out");
    expect(await browser.openTab().token()).toBeNull();
    expect(browser.refreshes).toBe(0);
  });

  test("signing out in one tab signs out in all", async () => {
    const browser = new Browser();
    const [one, other] = [browser.openTab(), browser.openTab()];
    await Promise.all([one.start(), other.start()]);
    one.signOut();
    expect([one.standing, other.standing]).toEqual(["signed-out", "signed-out"]);
    expect(await other.token()).toBeNull();
  });
});
