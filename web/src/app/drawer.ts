import { createContext, useContext } from "react";

/** Opens and closes the side bar where there is no room for it beside the page. */
export interface Drawer {
  readonly open: () => void;
  readonly close: () => void;
}

export const DrawerContext = createContext<Drawer>({ open: () => undefined, close: () => undefined });

export function useDrawer(): Drawer {
  return useContext(DrawerContext);
}
