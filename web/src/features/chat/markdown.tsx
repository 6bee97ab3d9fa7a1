import { lexer, type MarkedToken, type Token, type Tokens } from "marked";
import { Fragment, memo, type ReactNode, useMemo } from "react";

import { CodeBlock } from "@/features/chat/code-block";
import { decoded, hostOf, safeAddress } from "@/features/chat/markdown-text";
import { cx } from "@/ui/classes";

/**
 * Markdown as React elements.
 *
 * No HTML is ever made of what a model wrote, so there is nothing to clean: tags are shown as the
 * text they are, images are not loaded (their address would carry what was said to a stranger), and
 * links lead to web and mail addresses only. Blocks that have not changed are not drawn again, so
 * that a long answer streams smoothly.
 */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  const blocks = useMemo(() => blocksOf(text), [text]);
  return (
    <div className="prose">
      {blocks.map((block, index) => (
        <Block key={index} token={block} />
      ))}
    </div>
  );
});

/** Nested deeper than this it is shown as plain text. */
const DEPTH_MAX = 24;

function blocksOf(text: string): Token[] {
  try {
    return lexer(text, { gfm: true });
  } catch {
    // Nested too deep for the reader: the text itself still says everything.
    return [{ type: "paragraph", raw: text, text, tokens: [{ type: "text", raw: text, text }] }];
  }
}

const Block = memo(
  function Block({ token }: { token: Token }) {
    return block(token, 0);
  },
  (before, now) => before.token.type === now.token.type && before.token.raw === now.token.raw,
);

function block(generic: Token, depth: number): ReactNode {
  const token = generic as MarkedToken;
  if (depth > DEPTH_MAX) {
    return <p>{token.raw}</p>;
  }
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      return <Heading depth={token.depth}>{inline(token.tokens, depth)}</Heading>;
    case "paragraph":
      return <p>{inline(token.tokens, depth)}</p>;
    case "text":
      return <Fragment>{token.tokens ? inline(token.tokens, depth) : decoded(token.text)}</Fragment>;
    case "code":
      return <CodeBlock language={token.lang ?? ""} code={token.text} />;
    case "blockquote":
      return <blockquote>{blocks(token.tokens, depth)}</blockquote>;
    case "list":
      return <List token={token} depth={depth} />;
    case "table":
      return <Table token={token} depth={depth} />;
    case "hr":
      return <hr />;
    case "html":
      return <p className="whitespace-pre-wrap">{token.text.trimEnd()}</p>;
    default:
      return <Fragment>{inline([token], depth)}</Fragment>;
  }
}

function blocks(tokens: readonly Token[], depth: number): ReactNode {
  return tokens.map((token, index) => <Fragment key={index}>{block(token, depth + 1)}</Fragment>);
}

/** The page has its own h1 and h2: what the model writes begins below. */
function Heading({ depth, children }: { depth: number; children: ReactNode }) {
  const Tag = (["h3", "h3", "h4", "h5", "h6", "h6"] as const)[depth - 1] ?? "h6";
  return <Tag>{children}</Tag>;
}

function List({ token, depth }: { token: Tokens.List; depth: number }) {
  const items = token.items.map((item, index) => (
    <li key={index} className={item.task ? "task" : undefined}>
      {blocks(item.tokens, depth)}
    </li>
  ));
  return token.ordered ? (
    <ol start={typeof token.start === "number" ? token.start : 1}>{items}</ol>
  ) : (
    <ul>{items}</ul>
  );
}

const ALIGNED = { left: "text-left", center: "text-center", right: "text-right" };

function Table({ token, depth }: { token: Tokens.Table; depth: number }) {
  function cell(Tag: "th" | "td", content: Tokens.TableCell, index: number) {
    return (
      <Tag key={index} className={content.align ? ALIGNED[content.align] : undefined}>
        {inline(content.tokens, depth)}
      </Tag>
    );
  }
  return (
    // A wide table scrolls; with the keyboard too, since it can be focused.
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Table">
      <table>
        <thead>
          <tr>{token.header.map((content, index) => cell("th", content, index))}</tr>
        </thead>
        <tbody>
          {token.rows.map((row, index) => (
            <tr key={index}>{row.map((content, column) => cell("td", content, column))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: readonly Token[] | undefined, depth: number): ReactNode {
  return (tokens ?? []).map((token, index) => (
    <Fragment key={index}>{span(token, depth + 1)}</Fragment>
  ));
}

function span(generic: Token, depth: number): ReactNode {
  const token = generic as MarkedToken;
  if (depth > DEPTH_MAX) {
    return token.raw;
  }
  switch (token.type) {
    case "text":
      return token.tokens ? inline(token.tokens, depth) : decoded(token.text);
    case "escape":
      return token.text;
    case "strong":
      return <strong>{inline(token.tokens, depth)}</strong>;
    case "em":
      return <em>{inline(token.tokens, depth)}</em>;
    case "del":
      return <del>{inline(token.tokens, depth)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "br":
      return <br />;
    case "checkbox":
      return <Checkbox isChecked={token.checked} />;
    case "link":
      return <Link address={token.href}>{inline(token.tokens, depth)}</Link>;
    case "image":
      return <BlockedImage address={token.href} text={token.text} />;
    case "html":
      return /^<br\s*\/?>$/i.test(token.text) ? <br /> : token.text;
    case "paragraph":
    case "list":
    case "code":
    case "blockquote":
      return block(token, depth);
    default:
      return token.raw;
  }
}

function Checkbox({ isChecked }: { isChecked: boolean }) {
  return (
    <span
      role="img"
      aria-label={isChecked ? "done:" : "to do:"}
      className={cx(
        "mr-2 inline-flex size-4 items-center justify-center rounded-[5px] align-middle text-[0.7rem] leading-none",
        isChecked ? "bg-accent text-white" : "ring-1 ring-inset ring-line-strong",
      )}
    >
      {isChecked && <span aria-hidden="true">✓</span>}
    </span>
  );
}

function Link({ address, children }: { address: string; children: ReactNode }) {
  const safe = safeAddress(address);
  if (safe === null) {
    return children;
  }
  return (
    <a href={safe} target="_blank" rel="noopener noreferrer nofollow" title={safe}>
      {children}
    </a>
  );
}

function BlockedImage({ address, text }: { address: string; text: string }) {
  const safe = safeAddress(address);
  return (
    <span className="inline-flex max-w-full items-baseline gap-1.5 rounded-md bg-sunken px-2 py-0.5 text-sm text-ink-soft">
      Image not loaded{text ? `: ${decoded(text)}` : ""}
      {safe !== null && (
        <Link address={address}>{hostOf(safe) === "" ? "open" : `open at ${hostOf(safe)}`}</Link>
      )}
    </span>
  );
}
