import type { Quota, QuotaResource } from "@/api/model";

export type LimitedResource = QuotaResource & { readonly percent: number };

/** The limit that is nearest to its end, where one has come to the warning or beyond. */
export function nearestLimit(quota: Quota): LimitedResource | null {
  let nearest: LimitedResource | null = null;
  for (const resource of quota.resources) {
    const percent = resource.percent;
    if (percent !== null && percent >= quota.warning_percent && percent > (nearest?.percent ?? -1)) {
      nearest = { ...resource, percent };
    }
  }
  return nearest;
}
