/** A small, non-secret setting of this browser; null where there is none or storage is off. */
export function readSetting(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a setting, or removes it with null; where storage is off it lasts until the reload. */
export function writeSetting(name: string, value: string | null): void {
  try {
    if (value === null) {
      localStorage.removeItem(name);
    } else {
      localStorage.setItem(name, value);
    }
  } catch {
    // Nothing to do: the setting is a convenience.
  }
}
