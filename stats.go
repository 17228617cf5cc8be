package tenantsecrets

import (
	"sync/atomic"
	"time"
	"unsafe"
)

// Stats is what a client has done since it was made, and what it holds.
type Stats struct {
	// Hits are calls that were answered from memory, Stale those of them that got
	// what was older than TTL, because no load had succeeded in time.
	Hits, Stale uint64

	// Negatives are calls that were refused without a load: a definite no that is
	// remembered, a failure that is too recent to try again, an id for which the
	// budget of unknown ids is spent.
	Negatives uint64

	// Loads are those that are over, Failures those of them that brought nothing.
	Loads, Failures uint64

	// Calls are requests to Secrets Manager by operation, such as "DescribeSecret".
	// The SDK's own repetitions of a request are part of it.
	Calls map[string]uint64

	// Evictions are secrets that lost their place to others, see Options.Capacity.
	Evictions uint64

	// WrongTenant and Malformed are answers that were refused as such. BadPrevious
	// are previous versions that could not be used and gave no key.
	WrongTenant, Malformed, BadPrevious uint64

	// Held is how many secrets are held, Oldest the age of the oldest answer among
	// them.
	Held   int
	Oldest time.Duration
}

// Stats counts what c has done. It looks at every secret that is held, a matter of
// milliseconds for 100,000, and takes no lock: counts that belong together may be
// apart by what happens meanwhile. It may be called from any number of goroutines.
func (c *Client) Stats() Stats {
	k := c.cache()
	s := Stats{
		Hits:        k.counts.hits.sum(),
		Stale:       k.counts.stale.Load(),
		Negatives:   k.counts.negatives.Load(),
		Loads:       k.counts.loads.Load(),
		Failures:    k.counts.failures.Load(),
		Calls:       make(map[string]uint64, len(operations)),
		Evictions:   k.table.evictions.Load(),
		WrongTenant: k.counts.wrongTenant.Load(),
		Malformed:   k.counts.malformed.Load(),
		BadPrevious: k.counts.badPrevious.Load(),
	}
	for op, name := range operations {
		s.Calls[name] = k.counts.requests[op].Load()
	}
	s.Oldest, s.Held = k.table.oldest(k.clock.elapsed())
	return s
}

// counts are the cache's. Only hits are counted so often that cores would wait for
// each other.
type counts struct {
	hits                                stripedCounter
	stale, negatives                    atomic.Uint64
	loads, failures                     atomic.Uint64
	wrongTenant, malformed, badPrevious atomic.Uint64
	requests                            [len(operations)]atomic.Uint64
}

// operation is one of Secrets Manager's.
type operation int

const (
	describeSecret operation = iota
	getSecretValue
	batchGetSecretValue
	createSecret
)

var operations = [...]string{
	describeSecret:      "DescribeSecret",
	getSecretValue:      "GetSecretValue",
	batchGetSecretValue: "BatchGetSecretValue",
	createSecret:        "CreateSecret",
}

// stripedCounter counts without coupling cores: a goroutine finds its stripe by
// where its stack is, so that two that run at once seldom share one.
type stripedCounter struct{ stripes [64]stripe }

// stripe fills a cache line, so that it shares none.
type stripe struct {
	n atomic.Uint64
	_ [56]byte
}

const minStack = 2048 // bytes of a goroutine's stack in the Go runtime

func (c *stripedCounter) add() {
	var here byte
	c.stripes[uintptr(unsafe.Pointer(&here))/minStack%uintptr(len(c.stripes))].n.Add(1)
}

func (c *stripedCounter) sum() (n uint64) {
	for i := range c.stripes {
		n += c.stripes[i].n.Load()
	}
	return n
}
