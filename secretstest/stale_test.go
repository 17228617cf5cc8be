package secretstest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets/secretstest"
)

func TestStaleReads(t *testing.T) {
	const contract = "the fake's contract: Fault.StaleBy"
	stale := func(by time.Duration) secretstest.Fault {
		return secretstest.Fault{Operation: "GetSecretValue", StaleBy: by}
	}
	hold(t, []behaviour{
		{"answers the state of then", contract, func(f *fixture) {
			f.clock.Advance(time.Minute)
			first := *f.create("s", token()).VersionId
			f.clock.Advance(time.Minute)
			f.put("s", token())
			f.clock.Advance(30 * time.Second)
			defer f.backend.Inject(stale(time.Minute))()
			if got := f.get("s"); *got.VersionId != first || got.VersionStages[0] != "AWSCURRENT" {
				f.Errorf("got %s %v", *got.VersionId, got.VersionStages)
			}
			f.clock.Advance(time.Minute)
			if got := f.get("s"); *got.VersionId == first {
				f.Error("still the first version")
			}
		}},
		{"a secret not made yet is not there", contract, func(f *fixture) {
			f.create("s", token())
			f.backend.Inject(stale(time.Second))
			notFound(f.T, f.getErr("s"))
		}},
		{"a deleted secret is still there", contract, func(f *fixture) {
			f.create("s", token())
			f.clock.Advance(time.Minute)
			f.remove("s")
			f.backend.Inject(stale(time.Second))
			f.get("s")
		}},
		{"writes see the present", contract, func(f *fixture) {
			v1 := *f.create("s", token()).VersionId
			f.clock.Advance(time.Minute)
			v2 := f.put("s", token())
			f.backend.Inject(secretstest.Fault{StaleBy: time.Second})
			refused(f.T, f.move("s", "AWSCURRENT", v2, v1), "InvalidParameterException", "Staging label AWSCURRENT is not attached to version "+v1+".")
		}},
		{"answers the state of some moment up to then", "the fake's contract: Fault.StaleUpTo", func(f *fixture) {
			versions := []string{*f.create("s", token()).VersionId}
			for range 9 {
				f.clock.Advance(time.Second)
				versions = append(versions, f.put("s", token()))
			}
			f.clock.Advance(time.Second / 2)
			sample := func(seed uint64) []string {
				defer f.backend.Inject(secretstest.Fault{Operation: "GetSecretValue", StaleUpTo: 4 * time.Second, Seed: seed})()
				var seen []string
				for range 50 {
					seen = append(seen, *f.get("s").VersionId)
				}
				return seen
			}
			first := sample(7)
			if !slices.Equal(sample(7), first) {
				f.Error("one seed, two outcomes")
			}
			for i, id := range versions {
				if seen := slices.Contains(first, id); seen != (i >= 5) {
					f.Errorf("version %d seen: %v", i, seen)
				}
			}
		}},
		{"behind the history the oldest state answers", contract, func(f *fixture) {
			f.create("s", token())
			versions := make([]string, 100)
			for i := range versions {
				f.clock.Advance(time.Second)
				versions[i] = f.put("s", token())
			}
			f.backend.Inject(stale(time.Hour))
			if got := f.get("s"); *got.VersionId != versions[100-64] {
				f.Error("not the oldest of 64 states")
			}
		}},
	})
}
