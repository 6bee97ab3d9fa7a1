/** The look of a link within text. */
export const TEXT_LINK =
  "font-medium text-accent-ink underline decoration-1 underline-offset-[3px] hover:decoration-2";
