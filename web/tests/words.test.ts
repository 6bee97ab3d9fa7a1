import { describe, expect, test } from "vitest";

import { problemFrom, problemOf } from "@/api/problem";
import type { QuotaResource, Session, UsageDay } from "@/api/model";
import { destination } from "@/features/auth/next";
import { groupsOf } from "@/features/sessions/groups";
import { barsOf } from "@/features/usage/bars";
import { nearestLimit } from "@/features/usage/limits";
import { resourceText, shareText } from "@/features/usage/resources";
import { ago, price, untilNow } from "@/ui/format";

const NOW_MS = Date.UTC(2026, 10, 22, 12);

describe("what is said to a person", () => {
  test("an error is told in the server's words, with its facts", () => {
    const body = {
      error: { type: "rate_limit", code: "quota_spent", message: "m", hint: "h", limit: 10, correlation_id: "c" },
    };
    const problem = problemFrom(429, body, new Headers({ "retry-after": "60" }));
    expect(problem).toMatchObject({ status: 429, code: "quota_spent", hint: "h", correlationId: "c" });
    expect([problem.number("limit"), problem.number("used"), problem.retryAfterS]).toEqual([10, null, 60]);
  });

  test("an answer that is no error of ours still makes sense", () => {
    const problem = problemFrom(502, "<html>", new Headers({ "x-correlation-id": "c-2" }));
    expect(problem).toMatchObject({ code: "http_502", correlationId: "c-2" });
    expect(problem.message).toContain("502");
  });

  test("a network that is gone is told apart from a fault of the page", () => {
    expect(problemOf(new TypeError("Failed to fetch")).isOffline).toBe(true);
    expect(problemOf(new TypeError("x is undefined"))).toMatchObject({ code: "app_error", isOffline: false });
  });

  test("amounts have their unit", () => {
    expect(resourceText("messages", 1)).toBe("1 message");
    expect(shareText("tokens", 1200, 5000)).toBe("1,200 of 5,000 tokens");
    expect(resourceText("storage_bytes", 12_345_678)).toBe("12.3 MB");
    expect(resourceText("storage_bytes", 0)).toBe("0 bytes");
    expect(resourceText("storage_bytes", 1)).toBe("1 byte");
  });

  test("a price has its currency, whatever its smallest unit is", () => {
    expect(price(2_900, "USD")).toBe("$29.00");
    expect(price(2_900, "JPY")).toBe("¥2,900");
  });

  test("times are told from where the reader is", () => {
    expect(untilNow((NOW_MS + 5.25 * 3_600_000) * 1000, NOW_MS)).toBe("in 5 h 15 min");
    expect(untilNow((NOW_MS + 1_000) * 1000, NOW_MS)).toBe("in 1 min");
    expect(ago((NOW_MS - 90 * 60_000) * 1000, NOW_MS)).toBe("1 h ago");
  });

  test("the warning names the limit that is nearest to its end", () => {
    const of = (resource: QuotaResource["resource"], percent: number | null): QuotaResource => ({
      resource, percent, used: 0, held: 0, over: 0, resets_at_us: null, resets_at: null, limit: percent === null ? null : 100,
    });
    const quota = { day: "", resets_at_us: 0, resets_at: "", plan: "", is_limited: true, warning_percent: 80 };
    expect(nearestLimit({ ...quota, resources: [of("tokens", 79.9), of("messages", null)] })).toBeNull();
    expect(nearestLimit({ ...quota, resources: [of("tokens", 80), of("messages", 95)] })?.resource).toBe(
      "messages",
    );
  });

  test("each of the last thirty days has its bar", () => {
    const row: Omit<UsageDay, "day"> = {
      resource: "tokens", model: "m", agent: "", amount: 5, calls: 1, input_tokens: 3, output_tokens: 2,
    };
    const bars = barsOf([{ ...row, day: "2026-11-22" }, { ...row, day: "2026-11-22" }], NOW_MS);
    expect(bars).toHaveLength(30);
    expect(bars.at(-1)).toEqual({ day: "2026-11-22", tokens: 10 });
    expect(bars[0]).toEqual({ day: "2026-10-24", tokens: 0 });
  });

  test("sessions stand under the day of their last change, pinned ones first", () => {
    const at = (title: string, daysAgo: number, is_pinned = false): Session => ({
      id: title, title, is_pinned, is_archived: false, messages: 1, created_at_us: 0,
      title_by: "words", model: "", updated_at_us: (NOW_MS - daysAgo * 86_400_000) * 1000, active_stream: null,
    });
    const groups = groupsOf([at("a", 0), at("b", 1), at("c", 5), at("d", 40), at("e", 90, true)], new Date(NOW_MS));
    expect(groups.map(({ name, sessions }) => [name, sessions[0]?.title])).toEqual([
      ["Pinned", "e"], ["Today", "a"], ["Yesterday", "b"], ["The week before", "c"], ["Earlier", "d"],
    ]);
  });
});

describe("where signing in leads", () => {
  test("is a page of this app, whatever the link says", () => {
    for (const next of [undefined, "", "https://evil.example", "//evil.example", "/\\evil.example", "x"]) {
      expect(destination(next)).toEqual({ to: "/", search: {} });
    }
    expect(destination("/c/1?at=5")).toEqual({ to: "/c/1", search: { at: "5" } });
  });
});
