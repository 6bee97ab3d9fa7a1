import type { ReactNode, SVGProps } from "react";

/** Line icons on a grid of 24; decoration only, so they are hidden from screen readers. */
export type IconProps = SVGProps<SVGSVGElement>;

function icon(shape: ReactNode) {
  return function Icon({ className = "", ...rest }: IconProps) {
    const size = /(^|\s)size-/.test(className) ? "" : "size-[1.125rem]";
    return (
      <svg
        viewBox="0 0 24 24"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.75}
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
        className={`shrink-0 ${size} ${className}`}
        {...rest}
      >
        {shape}
      </svg>
    );
  };
}

export const ArchiveIcon = icon(<path d="M4 8v10a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8M3 4h18v4H3zM10 12h4" />);
export const ArrowDownIcon = icon(<path d="M12 5v14m6-6-6 6-6-6" />);
export const ArrowUpIcon = icon(<path d="M12 19V5m-6 6 6-6 6 6" />);
export const BranchIcon = icon(
  <path d="M6 3v12m0 0a3 3 0 1 0 0 6 3 3 0 0 0 0-6Zm12-6a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm0 0a9 9 0 0 1-9 9" />,
);
export const CheckIcon = icon(<path d="m5 12.5 4.5 4.5L19 7.5" />);
export const ChevronIcon = icon(<path d="m6 9 6 6 6-6" />);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6 6 18" />);
export const CopyIcon = icon(
  <path d="M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1Zm-4 6H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v1" />,
);
export const DeviceIcon = icon(<path d="M4 5h16v11H4zM2 20h20" />);
export const DownloadIcon = icon(<path d="M12 4v11m5-5-5 5-5-5M4 20h16" />);
export const EyeIcon = icon(
  <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12Zm9.5 3a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z" />,
);
export const EyeOffIcon = icon(
  <path d="M4 4l16 16M9.9 5.8A9 9 0 0 1 12 5.5c6 0 9.5 6.5 9.5 6.5a17 17 0 0 1-2.6 3.3M6.5 7.3A16 16 0 0 0 2.5 12S6 18.5 12 18.5a9 9 0 0 0 4.3-1.1M9.9 9.9a3 3 0 0 0 4.2 4.2" />,
);
export const GearIcon = icon(
  <path d="M12 15.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM19.4 15a1.7 1.7 0 0 0 .34 1.87l.06.06a2 2 0 1 1-2.83 2.83l-.06-.06a1.7 1.7 0 0 0-2.88 1.2V21a2 2 0 1 1-4 0v-.09a1.7 1.7 0 0 0-2.95-1.15l-.06.06a2 2 0 1 1-2.83-2.83l.06-.06a1.7 1.7 0 0 0-1.2-2.88H3a2 2 0 1 1 0-4h.09A1.7 1.7 0 0 0 4.24 7.1l-.06-.06a2 2 0 1 1 2.83-2.83l.06.06a1.7 1.7 0 0 0 2.88-1.2V3a2 2 0 1 1 4 0v.09a1.7 1.7 0 0 0 2.95 1.15l.06-.06a2 2 0 1 1 2.83 2.83l-.06.06a1.7 1.7 0 0 0 1.2 2.88H21a2 2 0 1 1 0 4h-.09a1.7 1.7 0 0 0-1.51 1.05Z" />,
);
export const GaugeIcon = icon(<path d="M4 18a9 9 0 1 1 16 0M12 14l4-5M12 15.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Z" />);
export const KeyIcon = icon(
  <path d="M14.5 13a4.5 4.5 0 1 0-4.3-3.2L3 17v4h4v-2.5h2.5V16h2l1.3-1.3c.5.2 1.1.3 1.7.3ZM16 8.5h.01" />,
);
export const LinkOutIcon = icon(<path d="M14 4h6v6m0-6-9 9M18 14v4a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2h4" />);
export const MailIcon = icon(<path d="M3 6h18v12H3zM3.5 6.5 12 13l8.5-6.5" />);
export const MemoryIcon = icon(<path d="M12 3c.8 5.6 3.4 8.2 9 9-5.6.8-8.2 3.4-9 9-.8-5.6-3.4-8.2-9-9 5.6-.8 8.2-3.4 9-9Z" />);
export const MenuIcon = icon(<path d="M4 7h16M4 12h16M4 17h16" />);
export const MonitorIcon = DeviceIcon;
export const MoonIcon = icon(<path d="M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5Z" />);
export const MoreIcon = icon(<path strokeWidth={2.5} d="M5 12h.01M12 12h.01M19 12h.01" />);
export const PencilIcon = icon(<path d="M4 20h4L19 9a2.8 2.8 0 0 0-4-4L4 16v4Zm9.5-13.5 4 4" />);
export const PinIcon = icon(<path d="M9 4h6l-.7 6 3.2 3.5V15h-11v-1.5L9.7 10 9 4Zm3 11v6" />);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const RefreshIcon = icon(<path d="M20 11a8 8 0 1 0-.6 4M20 4v7h-7" />);
export const RewindIcon = icon(<path d="M4 10h10a6 6 0 0 1 0 12h-3M4 10l5-5m-5 5 5 5" />);
export const SearchIcon = icon(<path d="M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm9 2-4-4" />);
export const SignOutIcon = icon(<path d="M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M15 8l4 4-4 4M19 12H9" />);
export const SunIcon = icon(
  <path d="M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9ZM12 2v2m0 16v2M2 12h2m16 0h2M4.9 4.9l1.4 1.4m11.4 11.4 1.4 1.4m0-14.2-1.4 1.4M6.3 17.7l-1.4 1.4" />,
);
export const ThumbDownIcon = icon(
  <path d="M17 14V4h3v10h-3Zm0 0-4 7a2.5 2.5 0 0 1-2.5-2.5V15H5.2a2 2 0 0 1-2-2.3l1.1-7A2 2 0 0 1 6.3 4H17" />,
);
export const ThumbUpIcon = icon(
  <path d="M7 10v10H4V10h3Zm0 0 4-7a2.5 2.5 0 0 1 2.5 2.5V9h5.3a2 2 0 0 1 2 2.3l-1.1 7a2 2 0 0 1-2 1.7H7" />,
);
export const TrashIcon = icon(<path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5m4-5v5" />);
export const UserIcon = icon(<path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 8.5a8 8 0 0 1 16 0" />);
export const WarningIcon = icon(<path d="M12 4 2.5 20h19L12 4Zm0 6v4.5m0 2.5h.01" />);
export const WifiOffIcon = icon(<path d="M3 3l18 18M2 9a15 15 0 0 1 5-3m4-.9A15 15 0 0 1 22 9M5.5 12.5A10 10 0 0 1 9 10.3m6.5.8a10 10 0 0 1 3 1.4M8.8 16a5 5 0 0 1 6.4 0M12 20h.01" />);

export function StopIcon({ className = "size-3.5" }: { className?: string }) {
  return (
    <svg viewBox="0 0 16 16" fill="currentColor" aria-hidden="true" className={className}>
      <rect x="2" y="2" width="12" height="12" rx="2.5" />
    </svg>
  );
}

/** The mark of the product. */
export function Logo({ className = "size-8" }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" className={`shrink-0 ${className}`}>
      <rect width="32" height="32" rx="9" className="fill-accent" />
      <path
        d="M16 5.5c.7 6.2 3.6 9.3 10.5 10.5-6.9 1.2-9.8 4.3-10.5 10.5-.7-6.2-3.6-9.3-10.5-10.5C12.4 14.8 15.3 11.7 16 5.5Z"
        className="fill-white"
      />
    </svg>
  );
}
