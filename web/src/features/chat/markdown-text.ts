/** Texts and addresses out of Markdown, made safe to show. */

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  copy: "©",
  reg: "®",
  trade: "™",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  laquo: "«",
  raquo: "»",
  times: "×",
  deg: "°",
  euro: "€",
  rarr: "→",
  larr: "←",
  middot: "·",
};

const CODE_POINT_MAX = 0x10ffff;

/** Resolves the character references that people write; any other stays as it was written. */
export function decoded(text: string): string {
  if (!text.includes("&")) {
    return text;
  }
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,6});/gi, (whole, name: string) => {
    if (!name.startsWith("#")) {
      return NAMED[name.toLowerCase()] ?? whole;
    }
    const point = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return point > 0 && point <= CODE_POINT_MAX ? String.fromCodePoint(point) : "\uFFFD";
  });
}

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * The address that a link may lead to, or null.
 *
 * Only whole http, https and mailto addresses: no scripts, no data, nothing relative that would act
 * as a link of this app, no names or passwords in front of the host.
 */
export function safeAddress(address: string): string | null {
  let url: URL;
  try {
    url = new URL(decoded(address).trim());
  } catch {
    return null;
  }
  const isAllowed = SCHEMES.has(url.protocol) && url.username === "" && url.password === "";
  return isAllowed ? url.href : null;
}

/** The host of an address, for showing where a blocked image would have come from. */
export function hostOf(address: string): string {
  try {
    return new URL(address).host;
  } catch {
    return "";
  }
}
