import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** This close to the end counts as the end. */
const NEAR_PX = 96;

export interface Scrolling {
  /** The element that scrolls. */
  readonly place: RefObject<HTMLDivElement | null>;
  /** What is in it, and grows. */
  readonly content: RefObject<HTMLDivElement | null>;
  /** True where the person has scrolled up: new text must not pull them down. */
  readonly isAway: boolean;
  readonly toEnd: () => void;
}

/**
 * Keeps the end in view while text comes, unless the person looks at something further up. A new
 * question brings them back to the end.
 */
export function useStickToEnd(question: string | null): Scrolling {
  const place = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const [isAway, setIsAway] = useState(false);

  const toEnd = useCallback(() => {
    const element = place.current;
    if (element) {
      isAtEnd.current = true;
      element.scrollTop = element.scrollHeight;
      setIsAway(false);
    }
  }, []);

  useEffect(() => {
    const element = place.current;
    if (!element || !content.current) {
      return;
    }
    function onScroll() {
      if (element) {
        const left = element.scrollHeight - element.scrollTop - element.clientHeight;
        isAtEnd.current = left < NEAR_PX;
        setIsAway(left > 2 * NEAR_PX);
      }
    }
    const observer = new ResizeObserver(() => {
      if (isAtEnd.current) {
        toEnd();
      }
    });
    observer.observe(content.current);
    observer.observe(element);
    element.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", onScroll);
    };
  }, [toEnd]);

  useLayoutEffect(() => {
    if (question !== null) {
      toEnd();
    }
  }, [question, toEnd]);

  return { place, content, isAway, toEnd };
}

/**
 * Keeps what the person looks at in place while older messages are put above it. The browser's own
 * anchoring does not do so at the very top, where older messages are asked for.
 */
export function useKeepPlace(place: RefObject<HTMLDivElement | null>, first: number | null): void {
  const seen = useRef<{ first: number | null; topPx: number }>({ first: null, topPx: 0 });

  useLayoutEffect(() => {
    const element = place.current;
    const before = seen.current;
    const cameAbove = before.first !== null && first !== null && first < before.first;
    if (element && cameAbove && (element.scrollTop === 0 || !ANCHORS)) {
      element.scrollTop += topOf(before.first) - before.topPx;
    }
    seen.current = { first, topPx: topOf(first) };
  });

  useEffect(() => {
    const element = place.current;
    function remember() {
      seen.current = { ...seen.current, topPx: topOf(seen.current.first) };
    }
    element?.addEventListener("scroll", remember, { passive: true });
    return () => element?.removeEventListener("scroll", remember);
  }, [place]);
}

const ANCHORS = CSS.supports("overflow-anchor", "auto");

function topOf(position: number | null): number {
  return document.getElementById(`message-${position}`)?.getBoundingClientRect().top ?? 0;
}
