package main

import (
	"math"
	"slices"
	"time"
)

// median returns the middle of what was measured, NaN of nothing.
func median(measured []float64) float64 {
	if len(measured) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(measured))
	half := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[half]
	}
	return (sorted[half-1] + sorted[half]) / 2
}

// latencies are the times of single requests, in ascending order.
type latencies []time.Duration

func newLatencies(measured []time.Duration) latencies {
	return slices.Sorted(slices.Values(measured))
}

// quantile returns the smallest latency that a share q of all does not exceed:
// the nearest rank, for an interpolated one may be a latency nobody had.
func (l latencies) quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(l))))
	return l[min(max(rank, 1), len(l))-1]
}

// above returns how many are longer than d.
func (l latencies) above(d time.Duration) int {
	first, _ := slices.BinarySearch(l, d+1)
	return len(l) - first
}
