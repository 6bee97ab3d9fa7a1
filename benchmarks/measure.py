"""Timing on machines that do other things too: rounds, medians, contenders in turn."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

Action = Callable[[], object]


def quantile(samples: list[float], share: float) -> float:
    """The sample below which `share` of all lie, by nearest rank."""
    ranked = sorted(samples)
    return ranked[min(len(ranked) - 1, round(share * (len(ranked) - 1)))]


@dataclass
class Timing:
    """Samples of one action in milliseconds, by round."""

    rounds: list[list[float]] = field(default_factory=list[list[float]])

    @property
    def p50_ms(self) -> float:
        """The median of the rounds' medians."""
        return median(median(samples) for samples in self.rounds)

    @property
    def p99_ms(self) -> float:
        """The median of the rounds' 99th percentiles: a neighbour's burst costs one round."""
        return median(quantile(samples, 0.99) for samples in self.rounds)

    @property
    def p99_pooled_ms(self) -> float:
        """The 99th percentile over all samples of all rounds."""
        return quantile([sample for samples in self.rounds for sample in samples], 0.99)


def ratio(slow: Timing, fast: Timing) -> float:
    """How many times `slow` takes what `fast` takes: the median over rounds, each with itself."""
    pairs = zip(slow.rounds, fast.rounds, strict=True)
    return median(median(theirs) / median(ours) for theirs, ours in pairs)


def excess_ms(slow: Timing, fast: Timing) -> float:
    """How much longer `slow` takes than `fast`: the median over rounds, each with itself."""
    pairs = zip(slow.rounds, fast.rounds, strict=True)
    return median(median(theirs) - median(ours) for theirs, ours in pairs)


def timed_ms(action: Action) -> float:
    """What one run of an action takes."""
    start_ns = time.perf_counter_ns()
    action()
    return (time.perf_counter_ns() - start_ns) / 1e6


def in_turns(
    actions: Mapping[str, Action], *, rounds: int, counts: Mapping[str, int] | int
) -> dict[str, Timing]:
    """Time actions round by round, each in a block of its own; the first one changes by round.

    The first run of each block warms up and is not counted.
    """
    timings = {name: Timing() for name in actions}
    names = list(actions)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            action = actions[name]
            count = counts if isinstance(counts, int) else counts[name]
            action()
            timings[name].rounds.append([timed_ms(action) for _ in range(count)])
    return timings


def alternately(actions: Mapping[str, Action], *, rounds: int, count: int) -> dict[str, Timing]:
    """Time actions one run after the other (A B A B …), for costs that drift with the disk."""
    timings = {name: Timing() for name in actions}
    for _ in range(rounds):
        samples: dict[str, list[float]] = {name: [] for name in actions}
        for _ in range(count):
            for name, action in actions.items():
                samples[name].append(timed_ms(action))
        for name, found in samples.items():
            timings[name].rounds.append(found)
    return timings
