package cache

import (
	"sync/atomic"
	"time"
)

// Stats is what a cache has done, and what it has.
type Stats struct {
	// Hits are calls that were answered from the cache, Stale those of them whose item
	// was older than the TTL.
	Hits, Stale uint64

	// Negatives are calls that were refused without a load.
	Negatives uint64

	// Loads are those that have ended, Failures those of them that failed.
	Loads, Failures uint64

	// Evictions are entries that lost their place where there is a capacity.
	Evictions uint64

	// Cached is how many items there are, Oldest the age of the oldest.
	Cached int
	Oldest time.Duration
}

// counts are a cache's counters. Only hits are counted so often that cores would wait
// for each other.
type counts struct {
	hits             stripedCounter
	stale, negatives atomic.Uint64
	loads, failures  atomic.Uint64
}
