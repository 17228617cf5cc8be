package tenantsecrets

import "time"

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
	k := c.cache().Stats()
	s := Stats{
		Hits: k.Hits, Stale: k.Stale, Negatives: k.Negatives, Loads: k.Loads, Failures: k.Failures,
		Evictions: k.Evictions, Held: k.Cached, Oldest: k.Oldest,
		Calls:       make(map[string]uint64, len(operations)),
		WrongTenant: c.watch.wrongTenant.Load(),
		Malformed:   c.watch.malformed.Load(),
		BadPrevious: c.watch.badPrevious.Load(),
	}
	for op, name := range operations {
		s.Calls[name] = c.watch.requests[op].Load()
	}
	return s
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
