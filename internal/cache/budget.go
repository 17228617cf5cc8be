package cache

import (
	"sync"
	"sync/atomic"
	"time"
)

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

// spent reports whether there is no token to take.
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

// trial is a moving average of how many loads came to nothing. It begins at 0.
type trial struct {
	mu    sync.Mutex
	vain  float64
	flood atomic.Bool
}

const (
	trialWeight = 1.0 / 16 // of the newest load
	trialLimit  = 0.5      // from which on it is a flood: after 11 loads in a row
)

// note reports whether a flood has begun with this load.
func (t *trial) note(worth bool) (begun bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.vain -= t.vain * trialWeight
	if !worth {
		t.vain += trialWeight
	}
	flood := t.vain >= trialLimit
	return t.flood.Swap(flood) != flood && flood
}

func (t *trial) flooded() bool { return t != nil && t.flood.Load() }
