package tenantsecrets

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// group is a set of loads that share limits. Loads that anybody can cause never take
// a slot from loads of known tenants.
type group struct {
	slots   *slots
	budget  *bucket // nil: no limit
	trial   *trial  // nil where budget is
	refusal error
}

// refuses reports whether no load of the group may begin now.
func (g *group) refuses(now time.Duration) bool {
	return g.budget.spent(now) || g.trial.flooded() && g.slots.full()
}

// enter takes a slot, and then a token. While most loads of the group come to nothing,
// no load waits for a slot: the flood would wait, and a goroutine with each of it.
func (g *group) enter(ctx context.Context, now func() time.Duration, wait bool, asked int, queued func(*waiter)) error {
	if wait && !g.trial.flooded() {
		if err := g.slots.take(ctx, asked, queued); err != nil {
			return err
		}
	} else if !g.slots.tryTake() {
		return g.refusal
	}
	if !g.budget.take(now()) {
		g.slots.free()
		return g.refusal
	}
	return nil
}

// judge notes whether a load was worth it. Then its token is given back.
func (g *group) judge(worth bool) {
	if g.budget == nil {
		return
	}
	if worth {
		g.budget.giveBack()
	}
	if g.trial.note(worth) {
		g.slots.sendAway()
	}
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

// groups are the three groups of loads. Each has MaxLoads slots.
type groups struct {
	known    group // loads of known tenants, and what an operator asks for
	unknown  group // loads of tenant IDs that are not known to exist
	webhooks group // loads that only a message's signature asks for
}

var (
	errTooManyUnknown  = transient("too many unknown tenant IDs are being looked up: raise Options.UnknownIDs, or tell known ones with Options.Known or Prefetch")
	errTooManyWebhooks = transient("too many messages with a wrong signature are being checked against Secrets Manager")
)

func newGroups(o *Options) groups {
	g := groups{
		known:    group{slots: newSlots(o.MaxLoads)},
		unknown:  group{slots: newSlots(o.MaxLoads), refusal: errTooManyUnknown},
		webhooks: group{slots: newSlots(o.MaxLoads), refusal: errTooManyWebhooks, budget: newBucket(mismatchRate, mismatchBurst), trial: &trial{}},
	}
	if o.UnknownIDs > 0 {
		g.unknown.budget, g.unknown.trial = newBucket(o.UnknownIDs, 10*o.UnknownIDs), &trial{}
	}
	return g
}

// group returns the limits of a load.
func (c *cache) group(e *entry, n need) *group {
	switch {
	case n.vouched:
		return &c.groups.known
	case !c.exists(e):
		return &c.groups.unknown
	case n.mismatch, n.webhook && e.evicted.Load():
		return &c.groups.webhooks
	}
	return &c.groups.known
}

// exists reports whether a secret is known to exist: it was loaded or created once,
// or the user says so.
func (c *cache) exists(e *entry) bool {
	if e.exists.Load() || e.named.Load() {
		return true
	}
	if c.known == nil || !c.known(e.tenant) {
		return false
	}
	e.named.Store(true)
	return true
}

// enter waits until a load may begin. leave must be called after the load.
//
// A load after a mismatch does not wait: while it waited, a load in the background
// would wait with it.
func (c *cache) enter(ctx context.Context, g *group, e *entry, n need) (leave func(error), err error) {
	queued := func(w *waiter) { e.queued.Store(w) }
	if err := g.enter(ctx, c.clock.elapsed, !n.mismatch, int(e.asked.Load()), queued); err != nil {
		return nil, c.orClosed(err)
	}
	return func(err error) {
		g.slots.free()
		switch {
		case g == &c.groups.unknown:
			g.judge(showsExistence(err))
		case g == &c.groups.webhooks && !n.mismatch && err != nil:
			g.judge(false)
		case g == &c.groups.webhooks && !n.mismatch:
			e.onTrial.Store(true) // until a signature is verified
		}
	}, nil
}

func showsExistence(err error) bool {
	return err == nil || errors.Is(err, errSuperseded) || isDefinite(err) && !errors.Is(err, ErrNotFound)
}

// verified notes whether a signature was valid for which an evicted secret was loaded.
func (c *cache) verified(e *entry, valid bool) {
	if e.onTrial.CompareAndSwap(true, false) {
		c.groups.webhooks.judge(valid)
	}
}

// outage tells when a failure of Secrets Manager as a whole is over: after outageLength
// without a success, the first success ends the backoff of every secret, but for
// minBackoff. Without it the busiest tenants would be refused for up to maxBackoff more.
const outageLength = 10 * time.Second

// succeeded notes that Secrets Manager has answered.
func (c *cache) succeeded(now time.Duration) {
	before := time.Duration(c.lastSuccess.Swap(int64(now)))
	if now-before >= outageLength {
		c.recovered.Store(int64(now))
	}
}
