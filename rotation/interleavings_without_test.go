package rotation_test

import "testing"

// testWithoutRules takes the rules of rotations away, one by one. Without it a key must
// be lost, which shows that the rule is needed and that the test would see; with it
// nothing may happen in the same schedules.
func testWithoutRules(t *testing.T) {
	ab, abc := []*role{rotates("A"), rotates("B")}, []*role{rotates("A"), rotates("B"), rotates("C")}
	for _, s := range []scenario{
		{name: "ring", without: ringOfBoth, roles: []*role{rotates("A"), writesAlone()}},
		{name: "wait", without: waitForDate, roles: append(ab, writesAlone()), faults: 1},
		{name: "sign_after", without: signAfter, roles: ab},
		{name: "sign_after of each key", without: signAfterOfEach, roles: ab},
		{name: "clock", without: serverClock, roles: []*role{slow()}},
		{name: "clock, ahead", without: serverClock, roles: []*role{fast()}, after: expiring},
		{name: "revoked", without: revokedList, roles: []*role{revokes(), movesBack()}, wanted: errRevived},
		{name: "token", without: commonToken, roles: abc},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			loses(t, s)
			s.without, s.wanted = rule{}, nil
			if !atFullDepth {
				s.faults = 0
			}
			if e := explore(t, s); e.violation != nil {
				t.Errorf("with the rule: %v", e.violation)
			}
		})
	}
	t.Run("the usual way", func(t *testing.T) {
		t.Parallel()
		loses(t, scenario{roles: []*role{rotatesAsUsual("A"), rotatesAsUsual("B"), rotatesAsUsual("C")}})
	})
}

// testKnownLosses shows what is left to lose a key. In each somebody moves AWSCURRENT by
// hand or puts a document of another program's making, and no write of ours begins after
// that: there is none, or it was begun before, as one is whose reads lag behind.
func testKnownLosses(t *testing.T) {
	for _, s := range []scenario{
		// Both outsiders, and a rotation that has seen neither.
		{name: "foreign write, undone by hand, and a rotation", roles: []*role{rotates("A"), writesAlone(), undoes()}},

		// Two outsiders alone: AWSPREVIOUS is one label.
		{name: "label moved by hand, and a foreign write", roles: []*role{writesAlone(), movesBack()}},
		{name: "two foreign writes", roles: []*role{writesAlone(), writesAlone()}},

		// The id of a version that AWS's rotation makes is not a hash of its base, so that
		// another rotation from that base is not refused.
		{name: "rotation by AWS, a foreign write, and a rotation", roles: []*role{besideLambda(rotates("A")), drives(), writesAlone()}},
		{name: "rotation by AWS, undone by hand, and a rotation", roles: []*role{besideLambda(rotates("A")), drives(), movesBack()}},

		// A key whose grace was about to end is newest again, and the rotation says that it ends.
		{name: "label moved by hand to a key that is about to end, and a rotation", roles: []*role{rotates("A"), movesBack()}, after: expiring},

		// AWSPREVIOUS has the only keys left, for a day.
		{name: "label moved by hand over a revocation, and no write for a day", roles: []*role{revokes(), movesBack()}, strict: true, wanted: errNoSigner},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			loses(t, s)
		})
	}
}

// loses wants a scenario to lose a key, and logs how.
func loses(t *testing.T, s scenario) {
	t.Helper()
	if s.wanted == nil {
		s.wanted = errLost
	}
	e := fewest(t, s)
	if e.violation == nil {
		t.Fatalf("nothing is lost in %d states", len(e.seen))
	}
	t.Log(e.violation)
}
