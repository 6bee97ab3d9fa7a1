import { type InputHTMLAttributes, type ReactNode, type Ref, useId, useState } from "react";

import { IconButton } from "@/ui/button";
import { cx } from "@/ui/classes";
import { EyeIcon, EyeOffIcon } from "@/ui/icons";

export const INPUT_CLASS =
  "h-11 w-full rounded-lg bg-raised px-3.5 text-ink ring-1 ring-inset ring-line-strong transition-shadow " +
  "placeholder:text-ink-faint focus:outline-2 focus:outline-offset-[-1px] focus:outline-accent-ink " +
  "aria-invalid:ring-danger-ink disabled:opacity-60";

export interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  readonly label: string;
  readonly hint?: ReactNode;
  /** What is wrong with the value; read out with the field. */
  readonly problem?: string | null | undefined;
  readonly ref?: Ref<HTMLInputElement>;
}

/** A labelled input with its hint and its problem. A password can be shown. */
export function Field({ label, hint, problem, type = "text", className, ...rest }: FieldProps) {
  const id = useId();
  const [isShown, setIsShown] = useState(false);
  const isPassword = type === "password";
  const described = [hint ? `${id}-hint` : "", problem ? `${id}-problem` : ""].filter(Boolean);
  return (
    <div className={cx("space-y-1.5", className)}>
      <label htmlFor={id} className="block text-sm font-medium">
        {label}
      </label>
      <div className="relative">
        <input
          id={id}
          type={isPassword && isShown ? "text" : type}
          aria-invalid={problem ? true : undefined}
          aria-describedby={described.length > 0 ? described.join(" ") : undefined}
          className={cx(INPUT_CLASS, isPassword && "pr-12")}
          {...rest}
        />
        {isPassword && (
          <IconButton
            label={isShown ? "Hide the password" : "Show the password"}
            icon={isShown ? <EyeOffIcon /> : <EyeIcon />}
            isSmall
            onClick={() => setIsShown(!isShown)}
            className="absolute top-1.5 right-1.5"
          />
        )}
      </div>
      {hint && (
        <p id={`${id}-hint`} className="text-sm text-ink-soft">
          {hint}
        </p>
      )}
      {problem && (
        <p id={`${id}-problem`} className="text-sm font-medium text-danger-ink">
          {problem}
        </p>
      )}
    </div>
  );
}
