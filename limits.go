package tenantsecrets

import (
	"context"
	"sync"
	"time"
)

// slots has one place per running load; nil has any number.
type slots chan struct{}

func (s slots) free() {
	if s != nil {
		<-s
	}
}

// take waits for a place until ctx ends.
func (s slots) take(ctx context.Context) error {
	if s == nil {
		return nil
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return transient("no turn in time: MaxLoads loads are under way")
	}
}

// tryTake does not wait.
func (s slots) tryTake() bool {
	if s == nil {
		return true
	}
	select {
	case s <- struct{}{}:
		return true
	default:
		return false
	}
}

// bucket is a rate with a burst. A nil one has no limit.
type bucket struct {
	rate, burst float64 // tokens a second, and at most

	mu     sync.Mutex
	tokens float64
	at     time.Duration // clock reading when tokens was right
}

// newBucket returns a full bucket.
func newBucket(perSecond, burst int) *bucket {
	return &bucket{rate: float64(perSecond), burst: float64(burst), tokens: float64(burst)}
}

// take takes a token, if there is one.
func (b *bucket) take(now time.Duration) bool {
	if b == nil {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// spent tells whether there is none to take.
func (b *bucket) spent(now time.Duration) bool {
	if b == nil {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	return b.tokens < 1
}

func (b *bucket) fill(now time.Duration) {
	if elapsed := now - b.at; elapsed > 0 {
		b.tokens = min(b.burst, b.tokens+elapsed.Seconds()*b.rate)
	}
	b.at = now
}

// giveBack returns a token that was taken.
func (b *bucket) giveBack() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.burst, b.tokens+1)
}
