package cache

import (
	"context"
	"time"
)

// group is a set of loads that share limits. Loads that anybody can cause never take a
// slot from loads of known owners.
type group struct {
	slots   *slots
	budget  *bucket // nil: no limit
	trial   *trial  // nil where budget is
	refusal error
}

// The budget of loads that mismatches cause, and of loads of evicted entries that a
// message asks for: a fraction of the 40,000 DescribeSecret a second of an account and
// Region.
const (
	checkRate  = 100
	checkBurst = 500
)

// groups are the three groups of loads. Each has the same number of slots.
type groups struct {
	known   group // loads of known owners, and what an operator asks for
	unknown group // loads of IDs that are not known to exist
	checks  group // loads that only a message asks for
}

func newGroups(maxLoads, unknownRate int) groups {
	g := groups{
		known:   group{slots: newSlots(maxLoads)},
		unknown: group{slots: newSlots(maxLoads), refusal: errTooManyUnknown},
		checks:  group{slots: newSlots(maxLoads), refusal: errTooManyChecks, budget: newBucket(checkRate, checkBurst), trial: &trial{}},
	}
	if unknownRate > 0 {
		g.unknown.budget, g.unknown.trial = newBucket(unknownRate, 10*unknownRate), &trial{}
	}
	return g
}

// refuses reports whether no load of the group may begin now.
func (g *group) refuses(now time.Duration) bool {
	return g.budget.spent(now) || g.trial.flooded() && g.slots.full()
}

// enter takes a slot, and then a token. While most loads of the group come to nothing, no
// load waits for a slot: a goroutine would wait for each message of a flood.
func (g *group) enter(ctx context.Context, now func() time.Duration, wait bool, asked int, queued func(*waiter)) error {
	if wait && !g.trial.flooded() {
		if err := g.slots.take(ctx, asked, queued); err != nil {
			if ctx.Err() == nil {
				return g.refusal // it was sent away
			}
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
