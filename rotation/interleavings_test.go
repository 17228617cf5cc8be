package rotation_test

import (
	"os"
	"sync/atomic"
	"testing"
	"time"
)

// TestInterleavings runs every schedule of several actors on one secret: the real
// Rotator and its Handler, on the fake Secrets Manager. Between two calls of an actor
// anybody else may make any number of calls. On top of that, in one schedule, so many
// faults may happen as the scenario says, each at any call: the process dies before or
// after it, its answer is lost, or a read answers the state of any number of changes
// ago, within 30 s. Schedules have no bound but that: each runs until every actor has
// ended, which is the stated depth, of up to 30 moves. Afterwards everybody does again
// what it wanted.
//
// What must hold at every moment, and, if nobody changed the secret any more, at every
// later moment:
//
//   - Some key signs, for every reader that holds what was true within MaxStale.
//   - What one such reader signs every other accepts, but for what a revocation, another
//     program or a label that was moved by hand has just put on top.
//   - A key is accepted until its not_after, which is never made earlier, or revocation.
//   - A revoked key is never accepted again.
//   - Versions that are put follow a base once, and again only if it was made current again.
//   - Who succeeds has done what it says, and who is not disturbed succeeds. Done again,
//     everything succeeds and leaves no AWSPENDING.
//
// At a small depth there are fewer faults.
func TestInterleavings(t *testing.T) {
	var states atomic.Int64
	t.Run("with every rule", func(t *testing.T) {
		for _, s := range scenarios {
			t.Run(s.name, func(t *testing.T) {
				if s.large && !atFullDepth {
					t.Skip("at full depth only")
				}
				t.Parallel()
				states.Add(holds(t, s))
			})
		}
	})
	t.Logf("%d states", states.Load())
	t.Run("without", testWithoutRules)
	t.Run("known", testKnownLosses)
}

// holds fails the test unless a scenario's schedules break nothing.
func holds(t *testing.T, s scenario) (states int64) {
	t.Helper()
	if !atFullDepth {
		s.faults = s.faultsIfSmall
	}
	e := explore(t, s)
	if e.violation != nil {
		v := fewest(t, s).violation // it may take fewer faults than this one
		t.Errorf("%v\n%s", v, v.secret)
	}
	t.Logf("%d states in %d schedules of up to %d moves, with up to %d faults", len(e.seen), e.schedules, e.longest, s.faults)
	return int64(len(e.seen))
}

var atFullDepth = os.Getenv("TENANTSECRETS_DEPTH") == "full"

var (
	anHour     = []time.Duration{70 * time.Minute}                   // a handover and a little more
	stepsHour  = []time.Duration{14 * time.Minute, 70 * time.Minute} // the first within what a rotation by AWS may take
	hourAndDay = []time.Duration{70 * time.Minute, 26 * time.Hour}
)

// scenarios are those in which nothing may go wrong. Who has others wait for it comes
// first, for in this order it is all done again.
var scenarios = []scenario{
	{name: "rotator", roles: []*role{rotates("A")}, pauses: hourAndDay, faults: 3, faultsIfSmall: 3},
	{name: "two rotators", roles: []*role{rotates("A"), rotates("B").off(-25 * time.Second)}, pauses: anHour, faults: 2, faultsIfSmall: 1},
	{name: "two rotators, handover under way", roles: []*role{rotates("A"), rotates("B")}, after: underway, pauses: hourAndDay, faults: 1},
	{name: "three rotators", roles: []*role{rotates("A"), rotates("B"), rotates("C")}, faults: 1},
	{name: "clocks", roles: []*role{rotates("A"), slow(), fast()}, faults: 1, faultsIfSmall: 1},

	{name: "revoker, rotator", roles: []*role{revokes(), rotates("A")}, pauses: anHour, faults: 2, faultsIfSmall: 1},
	{name: "revoker, rotator, handover under way", roles: []*role{revokes(), rotates("A")}, after: underway, faults: 2, faultsIfSmall: 1},
	{name: "revoker of the key that signs, rotator, handover under way", roles: []*role{revokes(), rotates("A")}, after: underway, leaksOlder: true, faults: 2, faultsIfSmall: 1},
	{name: "revoker, two rotators", roles: []*role{revokes(), rotates("A"), rotates("B")}, large: true},

	{name: "rollback, rotator", roles: []*role{rollsBack(), rotates("A")}, pauses: anHour, faults: 2, faultsIfSmall: 1},
	{name: "rollback, grace at its end", roles: []*role{rollsBack(), rotates("A")}, after: expiring, faults: 1, faultsIfSmall: 1},
	{name: "revoker, rollback", roles: []*role{revokes(), rollsBack()}, faults: 2, faultsIfSmall: 1},
	{name: "rollback, foreign", roles: []*role{rollsBack(), writesAlone()}, faults: 2, faultsIfSmall: 1},

	{name: "lambda", roles: []*role{drives()}, pauses: stepsHour, faults: 2, faultsIfSmall: 1},
	{name: "lambda, rotator", roles: []*role{drives(), besideLambda(rotates("A"))}, faults: 1},
	{name: "revoker, lambda", roles: []*role{revokes(), drives()}, faults: 1},

	{name: "rotator, foreign", roles: []*role{rotates("A"), writesAlone()}, pauses: anHour, faults: 2, faultsIfSmall: 1},
	{name: "two rotators, foreign", roles: []*role{rotates("A"), rotates("B"), writesAlone()}, faults: 1},
	{name: "revoker, rotator, foreign", roles: []*role{revokes(), rotates("A"), writesAlone()}, faults: 1},
	{name: "lambda, foreign", roles: []*role{drives(), writesAlone()}, faults: 1},

	{name: "rotator, console", roles: []*role{rotates("A"), movesBack()}, pauses: anHour, faults: 2, faultsIfSmall: 1},
	{name: "two rotators, console", roles: []*role{rotates("A"), rotates("B"), movesBack()}, faults: 1},
	{name: "revoker, console", roles: []*role{revokes(), movesBack()}, pauses: hourAndDay, faults: 2, faultsIfSmall: 1},
	{name: "revoker, rotator, console", roles: []*role{revokes(), rotates("A"), movesBack()}, faults: 1},
	{name: "lambda, console", roles: []*role{drives(), movesBack()}, faults: 1},
}
