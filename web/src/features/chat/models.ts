import { queryOptions } from "@tanstack/react-query";

import { listModels } from "@/features/chat/api";

/** The models that the account may choose from, the default first. */
export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: listModels,
  staleTime: 300_000,
});
