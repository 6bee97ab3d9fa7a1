import { bytes, number } from "@/ui/format";

/** The names of what is counted. */
const NAMES: Readonly<Record<string, string>> = {
  tokens: "Tokens today",
  messages: "Messages today",
  storage_bytes: "Storage",
  agent_minutes: "Agent minutes",
};

const UNITS: Readonly<Record<string, readonly [one: string, many: string]>> = {
  tokens: ["token", "tokens"],
  messages: ["message", "messages"],
  agent_minutes: ["minute", "minutes"],
};

export function resourceName(resource: string): string {
  return NAMES[resource] ?? resource.replaceAll("_", " ");
}

/** What is used of a limit: "1,200 of 5,000 tokens". */
export function shareText(resource: string, used: number, limit: number): string {
  const isPlain = resource !== "storage_bytes";
  return `${isPlain ? number(used) : bytes(used)} of ${resourceText(resource, limit)}`;
}

/** An amount with its unit: "1,200 tokens", "3.4 MB". */
export function resourceText(resource: string, amount: number): string {
  if (resource === "storage_bytes") {
    return bytes(amount);
  }
  const [one, many] = UNITS[resource] ?? ["", ""];
  return `${number(amount)} ${amount === 1 ? one : many}`.trim();
}
