package rotation_test

import "time"

// What a mismatch may cause, see mismatch.go of the root.
const (
	fleetBurst = 500 // loads of all secrets, in one process
	fleetRate  = 100 // a second, beyond it
)

// fleetCalls are those of a process.
type fleetCalls struct{ describes, gets int64 }

func (p *fleetProcess) calls() fleetCalls {
	return fleetCalls{p.line.describes.Load(), p.line.gets.Load()}
}

func (c *fleetCalls) add(other fleetCalls) {
	c.describes += other.describes
	c.gets += other.gets
}

// budget is the most that a process may have called so far: one to which so many tenants
// matter at any time, and so many only now and then.
//
// A secret is described once in 0.6 TTL at most, and no more often than somebody asks for
// it. Its value is read when the version is new, or the plaintext older than MaxStale -
// TTL. A load that fails is repeated. The rest is what the attacker causes.
func (f *fleet) budget(p *fleetProcess, often, seldom int64) fleetCalls {
	failed := int64(p.client.Stats().Failures)
	return fleetCalls{
		describes: often*f.times(fleetTTL*6/10) + seldom*f.times(max(fleetTTL*6/10, f.seldom)) + f.mismatches(p) + failed,
		gets:      (often+seldom)*(f.versions+f.times(fleetMaxStale-fleetTTL)) + failed,
	}
}

// times is how often that happens which happens once in a gap.
func (f *fleet) times(gap time.Duration) int64 { return int64(time.Since(f.born)/gap) + 1 }

// mismatches is how many loads the attacker may have caused at a verifier: one for each
// bad signature, but no more than are permitted for one secret and for one process.
func (f *fleet) mismatches(p *fleetProcess) int64 {
	if p.attacked == [attackKinds]int64{} {
		return 0
	}
	return p.attacked[attackSpread] + f.besieged() + min(p.attacked[attackFlood], f.flooded())
}

// besieged is how many loads of one secret mismatches may have caused in the sieges, and
// some more because a new version lets them be close together again.
func (f *fleet) besieged() int64 {
	return f.times(attackCycle)*loadsInSiege(f.attackLasts+time.Second) + f.versions*loadsInSiege(10*time.Second)
}

// loadsInSiege is how many begin a second apart, and then twice as far each time, up to
// 10 s. The last may do so when the siege is over by a second.
func loadsInSiege(lasts time.Duration) (n int64) {
	gap := time.Second
	for at := time.Duration(0); at <= lasts; at += gap {
		if n++; n > 2 {
			gap = min(2*gap, 10*time.Second)
		}
	}
	return n
}

// flooded is how many loads of all secrets mismatches may have caused in the floods.
func (f *fleet) flooded() int64 {
	return f.times(attackCycle) * (fleetBurst + fleetRate*int64(f.attackLasts/time.Second+1))
}

// checkBudget wants every process to have stayed within its budget, and logs what the
// fleet has used of it.
func (f *fleet) checkBudget() {
	f.Helper()
	var used, most fleetCalls
	check := func(p *fleetProcess, often, seldom int) {
		c, b := p.calls(), f.budget(p, int64(often), int64(seldom))
		if c.describes > b.describes || c.gets > b.gets {
			f.Errorf("a process called %+v, want %+v at most", c, b)
		}
		used.add(c)
		most.add(b)
	}
	busy, idle := len(f.busy.tenants), len(f.idle.tenants)+len(f.quiet)
	for _, p := range f.verifiers {
		check(p, busy, idle)
		f.checkBesieged(p)
	}
	for _, p := range f.signers {
		check(p, (busy+idle)*signersOfOne/len(f.signers), 0)
	}
	lived := time.Since(f.born)
	f.Logf("after %v: calls of %d processes %+v, in the budget %+v; %.0f a second", lived.Round(time.Minute),
		len(f.verifiers)+len(f.signers), used, most, float64(used.describes+used.gets)/lived.Seconds())
}

// checkBesieged wants a siege to cause no more loads than a secret is permitted.
func (f *fleet) checkBesieged(p *fleetProcess) {
	f.Helper()
	most := f.times(fleetTTL*6/10) + f.besieged()
	if n := p.line.besieged.Load(); n > most {
		f.Errorf("the besieged secret was described %d times, want %d at most", n, most)
	}
}

// checkFlood wants the first flood to cause no more loads than a process is permitted. No
// secret is due for its refresh by then.
func (f *fleet) checkFlood() {
	f.Helper()
	f.run(attackFlood * f.attackLasts)
	before, lasts := f.verifiers[0].calls(), f.attackLasts+time.Second
	f.run(lasts)
	n := f.verifiers[0].calls().describes - before.describes
	most := int64(fleetBurst + fleetRate*int(lasts/time.Second))
	f.Logf("%d loads in a flood, %d are permitted", n, most)
	if n > most {
		f.Errorf("a flood caused %d loads, want %d at most", n, most)
	}
}
