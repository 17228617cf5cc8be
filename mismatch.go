package tenantsecrets

import (
	"context"
	"time"
)

// What a signature that no key matches may cause, for anybody can send one.
const (
	mismatchGap    = time.Second      // between loads of one secret, where a mismatch asks for them
	maxMismatchGap = 10 * time.Second // to which it doubles while they find nothing new
	mismatchWait   = time.Second      // for such a load

	// Loads of all secrets that mismatches ask for, and how many at once: a
	// fraction of the 40,000 DescribeSecret a second that an account has in a Region.
	mismatchRate  = 100
	mismatchBurst = 500

	// A load that begins at the end of mismatchWait has time for its calls, of which
	// there are three where the previous version has to be read. Without it a valid
	// signature would be refused wherever forgeries decide when loads begin.
	mismatchGrace = 500 * time.Millisecond
)

// moment is when a call came, to tell which loads began after it. A hit reads the
// clock alone: the count is in its entry, and that in another cache line.
type moment struct {
	at      time.Duration
	number  int64 // of the last load that had begun, where it is counted
	counted bool
}

// lastBefore returns the number of the last load that began before m. One that
// began in the same instant counts as such.
func (e *entry) lastBefore(m moment) int64 {
	if m.counted {
		return m.number
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.begun > m.at {
		return e.number.Load() - 1
	}
	return e.number.Load()
}

// newer waits for a snapshot that may have what tried lacks: another one, or the
// same where a load that began after the call came has confirmed it. Loads of one
// secret that are asked for in this way begin mismatchGap apart, and further while
// they find nothing new; errTimedOut comes at once where none may begin in time.
func (c *cache) newer(ctx context.Context, tried *snapshot, asked moment) (*snapshot, error) {
	e := tried.entry
	after := e.lastBefore(asked)
	end := c.clock.elapsed() + mismatchWait
	if e.loading() { // since before the call, perhaps, but it may have seen enough
		if _, err := c.join(ctx, e, webhook, mismatchWait); err != nil {
			return nil, err
		}
	}
	for {
		if s := e.held.Load(); s != nil && (s != tried || s.number.Load() > after) {
			return s, nil
		}
		now := c.clock.elapsed()
		permitted := c.nextPermitted(e, now, after)
		if permitted > end {
			return nil, errTimedOut
		}
		if err := c.sleep(ctx, permitted-now); err != nil {
			return nil, err
		}
		if _, err := c.join(ctx, e, need{after: after, mismatch: true, webhook: true}, max(mismatchGrace, end-permitted)); err != nil {
			return nil, err
		}
	}
}

// nextPermitted returns when a load of a number higher than after may be joined:
// at once where it has begun.
func (c *cache) nextPermitted(e *entry, now time.Duration, after int64) time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.number.Load() > after {
		return now
	}
	if now-e.begun > 2*maxMismatchGap {
		e.inVain = 0 // mismatches have not gone on
	}
	gap := min(mismatchGap<<min(max(0, e.inVain-1), 4), maxMismatchGap)
	permitted := now
	if s := (span{e.begun, e.begun + gap}); s.holds(now) {
		permitted = s.until
	}
	if c.backsOff(e, now) {
		permitted = max(permitted, e.pause.Load().until)
	}
	return permitted
}

// countMismatch counts the loads that mismatches asked for in vain. Its caller
// holds e.mu.
func (e *entry) countMismatch(n need, held, found *snapshot) {
	switch {
	case held == nil || found.current != held.current:
		e.inVain = 0
	case n.mismatch:
		e.inVain++
	}
}
