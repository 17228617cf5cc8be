package cache

import (
	"math/rand/v2"
	"time"
)

// stage is what an item's age allows.
type stage int

const (
	fresh        stage = iota // served
	refreshAhead              // served, while one load runs in the background
	stale                     // served, after waiting a little for a load
	expired                   // not served
)

// freshness says how long an item may be served. All are as in Config, 0 is off.
type freshness struct {
	ttl, maxStale, staleWait, negativeTTL time.Duration
}

// stage returns the stage of an age. A negative age means that the clock has gone back:
// how old the item is, is not known.
func (f *freshness) stage(age, refreshAt time.Duration) stage {
	switch {
	case age >= f.maxStale:
		return expired
	case age < 0, age >= f.ttl:
		return stale
	case age < refreshAt:
		return fresh
	}
	return refreshAhead
}

// refreshAt returns the age from which on an item is refreshed in the background:
// between 0.6 and 0.8 of the TTL, so that items which were loaded together are not
// refreshed together.
func (f *freshness) refreshAt() time.Duration {
	return f.ttl/10*6 + time.Duration(rand.Float64()*float64(f.ttl)/5)
}

// rereads reports whether a load must read the value again even if nothing seems to have
// changed since it was read. That a key or a permission was taken away may show in the
// value's read alone.
func (f *freshness) rereads(read, now time.Duration) bool {
	return now < read || now-read > f.maxStale-f.ttl
}

const (
	minBackoff = time.Second // also the least time between two loads that failed
	maxBackoff = 30 * time.Second
)

// backoff returns the pause after that many failures in a row: 1, 2, 4... up to 30 s, of
// which up to a quarter is taken off at random, but never less than 1 s.
func backoff(failures int) time.Duration {
	full := maxBackoff
	if doublings := failures - 1; doublings < 5 {
		full = minBackoff << doublings
	}
	return max(minBackoff, full-time.Duration(rand.Float64()*float64(full)/4))
}
