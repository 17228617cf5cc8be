package rotation_test

import (
	"fmt"
	"iter"
	"maps"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/formbridge/tenantsecrets/rotation"
)

// many is how many tenants there are.
const many = 200

// tenants makes tenants whose ids begin alike, t_1 and t_10 and t_100, and are old
// enough to be rotated.
func (s *service) tenants(n int) []string {
	s.Helper()
	s.remove(&secretsmanager.DeleteSecretInput{ForceDeleteWithoutRecovery: aws.Bool(true)})
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("t_%d", i)
		if _, err := s.client.CreateTenant(s.Context(), ids[i]); err != nil {
			s.Fatal(err)
		}
	}
	time.Sleep(2 * handover)
	s.backend.ClearCalls()
	return ids
}

func nameOf(id string) string { return "prod/formbridge/" + id + "/hmac_key" }

// decoys are secrets that RotateAll must leave alone.
func (s *service) decoys() (names []string) {
	s.Helper()
	names = []string{
		"prod/formbridge2/t_1/hmac_key", "prod/formbridge-eu/t_1/hmac_key", "prod2/formbridge/t_1/hmac_key", "prod/other/t_1/hmac_key",
		"prod/formbridge/t_1/destinations/webhook1/hmac_key", "prod/formbridge/t_1/api_key", "prod/formbridge/t_1/hmac_key2",
		"prod/formbridge/t_1/hmac_key/old", "prod/formbridge/t_1/old/hmac_key", "prod/formbridge/global/hmac_key",
		"prod/formbridge/hmac_key", "prod/formbridge/t_1", "prod/formbridge/t.1/hmac_key", "prod/formbridge//hmac_key",
		"prod/Formbridge/t_1/hmac_key", "x/prod/formbridge/t_1/hmac_key", "prod/formbridge/t_deleted/hmac_key",
	}
	for _, name := range names {
		s.store(name, s.document(nil))
	}
	deleted := &secretsmanager.DeleteSecretInput{SecretId: aws.String("prod/formbridge/t_deleted/hmac_key")}
	if _, err := s.backend.DeleteSecret(s.Context(), deleted); err != nil {
		s.Fatal(err)
	}
	s.backend.ClearCalls()
	return names[:len(names)-1]
}

// wantsVersions wants every secret to have had so many versions.
func (s *service) wantsVersions(want int, names ...string) {
	s.Helper()
	for _, name := range names {
		if n := s.versions(name); n != want {
			s.Errorf("%s has %d versions, want %d", name, n, want)
		}
	}
}

func namesOf(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = nameOf(id)
	}
	return names
}

// told is what Progress was told of.
type told struct {
	*service
	busy    atomic.Bool
	results map[string]rotation.Result
	errs    map[string]error
}

// told makes RotateAll tell, and fails the test if it tells of two at once.
func (s *service) told() (*told, func(*rotation.RotateAllOptions)) {
	to := &told{service: s, results: map[string]rotation.Result{}, errs: map[string]error{}}
	return to, func(o *rotation.RotateAllOptions) {
		o.Progress = func(tenant string, result rotation.Result, err error) {
			if !to.busy.CompareAndSwap(false, true) {
				to.Error("Progress is called by two at once")
			}
			defer to.busy.Store(false)
			runtime.Gosched()
			if _, twice := to.results[tenant]; twice {
				to.Errorf("Progress is told of %s twice", tenant)
			}
			to.results[tenant], to.errs[tenant] = result, err
		}
	}
}

// Those who are given, or those that there are: each is rotated once, and nothing else.
func TestRotateAll(t *testing.T) {
	for what, given := range map[string]bool{"given": true, "found": false} {
		t.Run(what, func(t *testing.T) {
			inBubble(t, func(s *service) {
				ids := s.tenants(many)
				decoys := s.decoys()
				var tenants iter.Seq[string]
				if given {
					tenants = slices.Values(ids)
				}
				told, progress := s.told()
				summary, err := s.rotator.RotateAll(s.Context(), tenants, progress)
				if err != nil || summary != (rotation.Summary{Rotated: many}) {
					s.Fatalf("%+v, %v", summary, err)
				}
				s.wantsVersions(2, namesOf(ids)...)
				s.wantsVersions(1, decoys...)
				if got := slices.Sorted(maps.Keys(told.results)); !slices.Equal(got, slices.Sorted(slices.Values(ids))) {
					s.Errorf("told of %v", got)
				}
				for id, result := range told.results {
					if _, current := s.current(nameOf(id)); result.Outcome != rotation.Done || result.VersionID != current || len(result.Keys) != 2 {
						s.Errorf("%s: %+v", id, result)
					}
				}
				if lists := countOf(s.operations(), "ListSecrets"); given != (lists == 0) || lists > 3 {
					s.Errorf("%d lists", lists)
				}
			})
		})
	}
}

func countOf(names []string, name string) (n int) {
	for _, got := range names {
		if got == name {
			n++
		}
	}
	return n
}

// Reads are not kept waiting by the budget, and a dry run neither.
func TestDryRunOfAll(t *testing.T) {
	inBubble(t, func(s *service) {
		ids := s.tenants(many)
		start := time.Now()
		summary, err := s.rotator.RotateAll(s.Context(), nil, func(o *rotation.RotateAllOptions) { o.DryRun, o.WritesPerSecond = true, 1 })
		if err != nil || summary != (rotation.Summary{Planned: many}) || s.writes() != 0 {
			s.Errorf("%+v, %v, %d writes", summary, err, s.writes())
		}
		if took := time.Since(start); took != 0 {
			s.Errorf("it took %v", took)
		}
		s.wantsVersions(1, namesOf(ids)...)
	})
}

// The options of a rotation are those of every one; the age is what a key takes to sign
// where none is given.
func TestOptionsOfAll(t *testing.T) {
	inBubble(t, func(s *service) {
		s.tenants(3)
		all := func(set func(*rotation.RotateAllOptions)) rotation.Summary {
			summary, err := s.rotator.RotateAll(s.Context(), nil, set)
			if err != nil {
				s.Fatal(err)
			}
			return summary
		}
		if got := all(func(o *rotation.RotateAllOptions) { o.OlderThan = 3 * handover }); got != (rotation.Summary{TooYoung: 3}) {
			s.Errorf("older than they are: %+v", got)
		}
		told, progress := s.told()
		if got := all(func(o *rotation.RotateAllOptions) { progress(o); o.Grace = minGrace }); got != (rotation.Summary{Rotated: 3}) {
			s.Errorf("%+v", got)
		}
		for id, result := range told.results {
			if d := result.Keys[1].NotAfter.Sub(result.Keys[0].SignAfter); d != minGrace {
				s.Errorf("%s: a grace of %v", id, d)
			}
		}
		time.Sleep(handover - time.Second)
		if got := all(func(*rotation.RotateAllOptions) {}); got != (rotation.Summary{TooYoung: 3}) {
			s.Errorf("before the new keys sign: %+v", got)
		}
		time.Sleep(2 * time.Second)
		if got := all(func(*rotation.RotateAllOptions) {}); got != (rotation.Summary{Rotated: 3}) {
			s.Errorf("after that: %+v", got)
		}
	})
}

// No tenants, given or found, are no error.
func TestRotateAllOfNone(t *testing.T) {
	inBubble(t, func(s *service) {
		s.tenants(0)
		for _, tenants := range []iter.Seq[string]{nil, slices.Values([]string{})} {
			if summary, err := s.rotator.RotateAll(s.Context(), tenants); err != nil || summary != (rotation.Summary{}) {
				s.Errorf("%+v, %v", summary, err)
			}
		}
	})
}

// An iterator of the caller's that panics leaves nothing behind: TestMain looks.
func TestRotateAllOfAPanickingIterator(t *testing.T) {
	s := newService(t)
	defer func() {
		if recover() == nil {
			t.Error("the panic is swallowed")
		}
	}()
	_, err := s.rotator.RotateAll(t.Context(), func(yield func(string) bool) {
		yield(tenant)
		panic("of the caller")
	})
	t.Error(err)
}

// Progress may take its time, in a bubble too: no lock is held for it.
func TestProgressMayWait(t *testing.T) {
	inBubble(t, func(s *service) {
		s.tenants(many)
		summary, err := s.rotator.RotateAll(s.Context(), nil, func(o *rotation.RotateAllOptions) {
			o.Progress = func(string, rotation.Result, error) { time.Sleep(time.Second) }
		})
		if err != nil || summary != (rotation.Summary{Rotated: many}) {
			s.Errorf("%+v, %v", summary, err)
		}
	})
}
