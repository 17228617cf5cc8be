package rotation_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/formbridge/tenantsecrets"
	"github.com/formbridge/tenantsecrets/rotation"
	"github.com/formbridge/tenantsecrets/secretstest"
)

// Writes are as far apart as the budget says, and no further.
func TestWriteBudget(t *testing.T) {
	for _, perSecond := range []int{0, 1, 20, 40, 45} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			inBubble(t, func(s *service) {
				s.tenants(many)
				start := time.Now()
				_, err := s.rotator.RotateAll(s.Context(), nil, func(o *rotation.RotateAllOptions) {
					if perSecond > 0 {
						o.WritesPerSecond = perSecond
					} else {
						perSecond = 20 // by default
					}
				})
				if err != nil {
					s.Fatal(err)
				}
				s.wantsPace(start, perSecond, many)
			})
		})
	}
}

// wantsPace wants the k-th write exactly at its turn.
func (s *service) wantsPace(start time.Time, perSecond, writes int) {
	s.Helper()
	k := 0
	for _, call := range s.backend.Calls() {
		if call.Operation != "PutSecretValue" {
			continue
		}
		if want := time.Duration(k) * (time.Second / time.Duration(perSecond)); call.At.Sub(start) != want {
			s.Fatalf("write %d is %v after the start, want %v", k, call.At.Sub(start), want)
		}
		k++
	}
	if k != writes {
		s.Errorf("%d writes, want %d", k, writes)
	}
}

// A write that is sent again, because no answer came, counts as another.
func TestWriteBudgetInTrouble(t *testing.T) {
	inBubble(t, func(s *service) {
		s.tenants(40)
		s.backend.Inject(secretstest.Fault{Operation: "PutSecretValue", Err: secretstest.InternalError()})
		start := time.Now()
		summary, err := s.rotator.RotateAll(s.Context(), nil, func(o *rotation.RotateAllOptions) { o.WritesPerSecond = 40 })
		if summary != (rotation.Summary{Failed: 40}) || !errors.Is(err, tenantsecrets.ErrUnavailable) {
			s.Errorf("%+v, %v", summary, err)
		}
		var second int
		for _, call := range s.backend.Calls() {
			if call.Operation == "PutSecretValue" && call.At.Sub(start) < time.Second {
				second++
			}
		}
		if second > 40 {
			s.Errorf("%d writes in the first second, want 40 at most", second)
		}
	})
}
